/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_VERSION_H
#define SMC_POLICY_VERSION_H

#define SMC_POLICY_VERSION "0.1.0"

#endif
