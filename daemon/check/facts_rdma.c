// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts about RDMA devices: /sys/class/infiniband/DEVICE/ports/N, of which gids/I is an address, and
 * gid_attrs/types/I and gid_attrs/ndevs/I its type and net device (drivers/infiniband/core/sysfs.c).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/facts.h"
#include "common/cleanup.h"

#define PATH_SIZE 4096
#define GIDS_MAX 4096 /* soft RoCE has 1024 */
#define GID_NONE "0000:0000:0000:0000:0000:0000:0000:0000"
#define GID_IPV4 "0000:0000:0000:0000:0000:ffff:"

/* "DIRECTORY/NAME", to be freed; NULL: out of memory. */
static char *join(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

typedef void (*visit_entry)(const char *path, const char *name, struct facts *facts);

/* Call @visit for each entry of the directory @path, by name. */
static void for_each_entry(const char *path, visit_entry visit, struct facts *facts)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			visit(path, entries[i]->d_name, facts);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void read_driver(const char *device, struct facts_port *port)
{
	autofree char *path = join(device, "device/driver");
	char target[PATH_SIZE];
	ssize_t length = path ? readlink(path, target, sizeof(target) - 1) : -1;
	const char *name;

	target[length > 0 ? length : 0] = '\0';
	name = strrchr(target, '/');
	snprintf(port->driver, sizeof(port->driver), "%.*s", FACTS_NAME_SIZE - 1,
		 name ? name + 1 : target);
}

/* The address that the port has at @index; false: there is no such index. */
static bool read_gid(const char *path, unsigned int index, struct facts_port *port)
{
	char gid[FACTS_NAME_SIZE], type[FACTS_NAME_SIZE], netdev[FACTS_NAME_SIZE];

	if (!facts_line(gid, sizeof(gid), "%s/gids/%u", path, index))
		return false;
	if (!strcmp(gid, GID_NONE) ||
	    !facts_line(type, sizeof(type), "%s/gid_attrs/types/%u", path, index))
		return true;
	if (facts_line(netdev, sizeof(netdev), "%s/gid_attrs/ndevs/%u", path, index) &&
	    !port->netdev[0])
		memcpy(port->netdev, netdev, sizeof(netdev));
	if (!strcmp(type, "RoCE v2")) {
		port->gids_v2++;
		port->gids_v2_ipv4 += !strncmp(gid, GID_IPV4, strlen(GID_IPV4));
	} else {
		port->gids_v1++;
	}
	return true;
}

/* A device whose port is down has no addresses: soft RoCE still has its net device as parent. */
static void read_netdev(const char *root, const char *device, struct facts_port *port)
{
	char text[FACTS_NAME_SIZE];

	port->software = facts_line(text, sizeof(text), "%s/parent", device);
	if (!port->netdev[0])
		memcpy(port->netdev, text, sizeof(text));
	port->mtu.known =
		port->netdev[0] &&
		facts_line(text, sizeof(text), "%s/sys/class/net/%s/mtu", root, port->netdev);
	if (port->mtu.known)
		port->mtu.value = strtoull(text, NULL, 10);
}

/* @path: .../DEVICE/ports; @name: of the port. */
static void read_port(const char *path, const char *name, struct facts *facts)
{
	struct facts_port *port = &facts->ports[facts->n_ports];
	autofree char *full = join(path, name);
	autofree char *device = strndup(path, strlen(path) - strlen("/ports"));
	char text[FACTS_NAME_SIZE];
	const char *state;

	if (facts->n_ports == FACTS_DEVICES_MAX || !full || !device)
		return;
	facts->n_ports++;
	snprintf(port->device, sizeof(port->device), "%.*s", FACTS_NAME_SIZE - 1,
		 strrchr(device, '/') + 1);
	port->number = (unsigned int)strtoul(name, NULL, 10);
	facts_line(text, sizeof(text), "%s/state", full); /* "4: ACTIVE" */
	state = strchr(text, ' ');
	snprintf(port->state, sizeof(port->state), "%s", state ? state + 1 : text);
	facts_line(text, sizeof(text), "%s/link_layer", full);
	port->ethernet = !strcmp(text, "Ethernet");
	for (unsigned int i = 0; i < GIDS_MAX && read_gid(full, i, port); i++)
		;
	read_driver(device, port);
}

static void read_device(const char *path, const char *name, struct facts *facts)
{
	autofree char *device = join(path, name);
	autofree char *ports = device ? join(device, "ports") : NULL;

	if (ports)
		for_each_entry(ports, read_port, facts);
}

void facts_read_ports(const char *root, struct facts *facts)
{
	autofree char *devices = join(root, "sys/class/infiniband");

	if (!devices)
		return;
	for_each_entry(devices, read_device, facts);
	for (unsigned int i = 0; i < facts->n_ports; i++) {
		autofree char *device = join(devices, facts->ports[i].device);

		if (device)
			read_netdev(root, device, &facts->ports[i]);
	}
}
