/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka with what its header leaves to the includer. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Sanitizers slow the code down: limits on time are wider under them. */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_SLOWER 20
#else
#define UNIT_SLOWER 1
#endif

#endif
