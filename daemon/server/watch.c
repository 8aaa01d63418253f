// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/server.h"
#include "server/watch.h"

/* Events come in bursts: `ip netns add` mounts twice, `rm -r` removes each pin. */
#define GATHER_USEC 20000
/* Until what could not be pinned again is tried anew. */
#define RETRY_USEC (10 * 1000000)

struct watch {
	struct server *server;
	struct udev *udev;
	struct udev_monitor *modules;
	int mounts;
	sd_event_source *modules_source, *mounts_source;
	sd_event_source *pins_source, *parent_source;
	sd_event_source *netns_timer, *pins_timer;
};

/* ---- modules ---- */

static int on_module(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct watch *watch = userdata;
	struct udev_device *device;
	bool ours = false;

	(void)source;
	(void)fd;
	(void)events;
	while ((device = udev_monitor_receive_device(watch->modules))) {
		const char *name = udev_device_get_sysname(device);

		ours |= name && (!strcmp(name, "smc") || !strcmp(name, "smc_policy"));
		udev_device_unref(device);
	}
	if (ours)
		server_rescan(watch->server);
	return 0;
}

/* From the kernel itself: udevd need not run. */
static int watch_modules(struct watch *watch)
{
	int rc;

	watch->udev = udev_new();
	watch->modules = watch->udev ? udev_monitor_new_from_netlink(watch->udev, "kernel") : NULL;
	if (!watch->modules)
		return -ENOMEM;
	rc = udev_monitor_filter_add_match_subsystem_devtype(watch->modules, "module", NULL);
	if (rc >= 0)
		rc = udev_monitor_enable_receiving(watch->modules);
	if (rc < 0)
		return rc;
	return sd_event_add_io(watch->server->event, &watch->modules_source,
			       udev_monitor_get_fd(watch->modules), EPOLLIN, on_module, watch);
}

/* ---- gathering ---- */

static int arm_in(sd_event_source *timer, uint64_t usec)
{
	int rc = sd_event_source_set_time_relative(timer, usec);

	return rc < 0 ? rc : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int arm(sd_event_source *timer)
{
	return arm_in(timer, GATHER_USEC);
}

static int add_timer(struct watch *watch, sd_event_source **timer, sd_event_time_handler_t handler)
{
	int rc = sd_event_add_time_relative(watch->server->event, timer, CLOCK_MONOTONIC, 0, 1000,
					    handler, watch);

	return rc < 0 ? rc : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

/* ---- mounts: a change shows as an exceptional condition of the file (mounts_poll) ---- */

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct watch *watch = userdata;
	const struct policy_settings *settings = &watch->server->config.settings;

	(void)source;
	(void)fd;
	(void)events;
	if (settings->netns == POLICY_NETNS_ALL && !settings->smc_wmem && !settings->smc_rmem &&
	    kernel_covers_new_netns(watch->server->kernel))
		return 0;
	return arm(watch->netns_timer);
}

static int on_netns_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *watch = userdata;

	(void)source;
	(void)usec;
	server_refresh_netns(watch->server);
	return 0;
}

static int watch_mounts(struct watch *watch)
{
	int rc = add_timer(watch, &watch->netns_timer, on_netns_timer);

	if (rc < 0)
		return rc;
	watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (watch->mounts < 0)
		return -errno;
	return sd_event_add_io(watch->server->event, &watch->mounts_source, watch->mounts, EPOLLPRI,
			       on_mounts, watch);
}

/* ---- pins ---- */

static int on_pins(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct watch *watch = userdata;

	(void)source;
	(void)event;
	return arm(watch->pins_timer);
}

/* The set in force and the directory above it, as they are now. */
static int watch_pins(struct watch *watch)
{
	const char *dir = watch->server->config.settings.pin_dir;
	autofree char *current = NULL;
	int rc;

	if (asprintf(&current, "%s/current", dir) < 0)
		return -ENOMEM;
	watch->pins_source = sd_event_source_disable_unref(watch->pins_source);
	watch->parent_source = sd_event_source_disable_unref(watch->parent_source);
	rc = sd_event_add_inotify(watch->server->event, &watch->parent_source, dir,
				  IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
				  on_pins, watch);
	if (rc < 0)
		return rc;
	return sd_event_add_inotify(watch->server->event, &watch->pins_source, current,
				    IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF, on_pins, watch);
}

static int on_pins_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch *watch = userdata;
	bool repinned = false;
	int failed, rc;

	(void)source;
	(void)usec;
	/* First: what is removed between a look and the watch would not be missed. */
	rc = watch_pins(watch);
	failed = server_refresh_pins(watch->server, &repinned);
	/* What was watched is not all of what is there now. */
	if (rc == -ENOENT || repinned)
		return arm(watch->pins_timer);
	if (rc < 0)
		log_warning("cannot watch pin-dir: %s", strerror(-rc));
	return failed ? arm_in(watch->pins_timer, RETRY_USEC) : 0;
}

/* ---- all of it ---- */

int watch_open(struct watch **watch, struct server *server, struct kernel_error *error)
{
	struct watch *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return kernel_fail(error, -ENOMEM, "out of memory");
	w->server = server;
	w->mounts = -1;
	*watch = w;
	rc = watch_modules(w);
	if (rc >= 0)
		rc = watch_mounts(w);
	if (rc >= 0)
		rc = add_timer(w, &w->pins_timer, on_pins_timer);
	if (rc >= 0)
		rc = watch_pins(w);
	/* The policy holds without: it is only not noticed what changes. */
	if (rc < 0)
		log_warning("cannot watch for changes of modules, namespaces and pins: %s",
			    strerror(-rc));
	return 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	sd_event_source_disable_unref(watch->modules_source);
	sd_event_source_disable_unref(watch->mounts_source);
	sd_event_source_disable_unref(watch->pins_source);
	sd_event_source_disable_unref(watch->parent_source);
	sd_event_source_disable_unref(watch->netns_timer);
	sd_event_source_disable_unref(watch->pins_timer);
	udev_monitor_unref(watch->modules);
	udev_unref(watch->udev);
	if (watch->mounts >= 0)
		close(watch->mounts);
	free(watch);
}
