/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check basic: whether this host can speak SMC, and what keeps it from doing so. */
#ifndef SMC_POLICY_CHECK_BASIC_H
#define SMC_POLICY_CHECK_BASIC_H

#include "check/facts.h"
#include "check/report.h"

/*
 * Add an item to @report for each thing that @facts tell.  What rests on something that is missing is
 * left out, so that one fault is named once.
 */
void check_basic(const struct facts *facts, struct check_report *report);

/* The part of it that concerns RDMA devices and how peers find them. */
void check_rdma(const struct facts *facts, struct check_report *report);

#endif
