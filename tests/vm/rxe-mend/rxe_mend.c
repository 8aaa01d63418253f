// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lets Linux 6.1's soft RoCE carry SMC-R.  For test guests only: it patches
 * two functions of rdma_rxe as they run, on x86-64.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <rdma/ib_verbs.h>

/*
 * rxe_query_qp(qp, attr, mask, init) fills attr->qp_state but leaves
 * attr->cur_qp_state as it was.  SMC's smc_link_sendable() looks at the latter
 * and so never finds the queue pair ready to send.
 */
static int query_qp_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct ib_qp_attr **attr = (struct ib_qp_attr **)instance->data;

	*attr = (struct ib_qp_attr *)regs_get_kernel_argument(regs, 1);
	return 0;
}

static int query_qp_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct ib_qp_attr *attr = *(struct ib_qp_attr **)instance->data;

	attr->cur_qp_state = attr->qp_state;
	return 0;
}

static struct kretprobe query_qp = {
	.kp.symbol_name = "rxe_query_qp",
	.entry_handler = query_qp_entry,
	.handler = query_qp_return,
	.data_size = sizeof(struct ib_qp_attr *),
	.maxactive = 16,
};

/*
 * rxe_req_notify_cq(cq, flags) stores the flags, and rxe_cq_post() compares
 * them with each single flag.  SMC arms its queues for solicited and next
 * completions at once, which matches neither: no completion is ever reported.
 * Next completion alone says the same.
 */
static int notify_cq_entry(struct kprobe *probe, struct pt_regs *regs)
{
	if ((regs->si & IB_CQ_SOLICITED_MASK) == IB_CQ_SOLICITED_MASK)
		regs->si &= ~(unsigned long)IB_CQ_SOLICITED;
	return 0;
}

static struct kprobe notify_cq = {
	.symbol_name = "rxe_req_notify_cq",
	.pre_handler = notify_cq_entry,
};

static int __init rxe_mend_init(void)
{
	int error = register_kretprobe(&query_qp);

	if (error)
		return error;
	error = register_kprobe(&notify_cq);
	if (error)
		unregister_kretprobe(&query_qp);
	return error;
}

static void __exit rxe_mend_exit(void)
{
	unregister_kprobe(&notify_cq);
	unregister_kretprobe(&query_qp);
}

module_init(rxe_mend_init);
module_exit(rxe_mend_exit);
MODULE_DESCRIPTION("Lets the soft RoCE of Linux 6.1 carry SMC-R in test guests");
MODULE_LICENSE("GPL");
