# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A private apt root: package lists of other suites than the machine's own, without touching the
# machine.  Mirrors, keys and proxies come from the machine's apt configuration; only the suite
# differs.  Needs common.sh.

# Machine sources as "deb" stanzas (deb822), whatever form they were written in.
apt_machine_sources()
{
	local APT_LIST='' APT_PARTS='' file

	eval "$(apt-config shell APT_LIST Dir::Etc::sourcelist/f APT_PARTS Dir::Etc::sourceparts/d)"
	for file in "$APT_PARTS"*.sources; do
		[ ! -r "$file" ] || { cat "$file"; echo; }
	done
	for file in "$APT_LIST" "$APT_PARTS"*.list; do
		[ ! -r "$file" ] || apt_one_line_to_deb822 "$file"
	done
}

# deb [signed-by=KEY ...] URI SUITE COMPONENT...
apt_one_line_to_deb822()
{
	sed -n -E 's/^deb[[:space:]]+//p' "$1" | while read -r line; do
		local options=''

		if [[ $line == \[* ]]; then
			options=${line%%\]*}
			options=${options#\[}
			line=${line#*\]}
		fi
		read -r uri suite _ <<< "$line"
		printf 'Types: deb\nURIs: %s\nSuites: %s\n' "$uri" "$suite"
		if [[ $options =~ signed-by=([^[:space:]]+) ]]; then
			printf 'Signed-By: %s\n' "${BASH_REMATCH[1]}"
		fi
		echo
	done
}

# apt_source_for SUITE [TYPE]: the machine's stanza for the same archive with SUITE in place of its
# own suites and TYPE, deb (default) or deb-src; fails if the machine does not know that archive.
# The security archive is another one than the main archive: it is recognised by the suite names
# that a stanza lists.
apt_source_for()
{
	local own_suite

	# shellcheck source=/dev/null
	own_suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	[[ $1 != *-security ]] || own_suite+=-security
	apt_machine_sources | awk -v suite="$1" -v type="${2:-deb}" -v own="$own_suite" '
		BEGIN { RS = ""; FS = "\n" }
		{
			kept = ""; enabled = 1; binary = 0; archive = 0; field = ""
			for (i = 1; i <= NF; i++) {
				if ($i ~ /^#/)
					continue
				if ($i ~ /^[A-Za-z]/)
					field = tolower(substr($i, 1, index($i, ":") - 1))
				value = " " substr($i, index($i, ":") + 1) " "
				gsub(/\t/, " ", value)
				if (field == "types")
					binary = binary || value ~ / deb /
				else if (field == "suites")
					archive = archive || index(value, " " own " ")
				else if (field == "enabled")
					enabled = value !~ /^ *(no|false|0) *$/
				else if (field != "components")
					kept = kept $i "\n"
			}
			if (!enabled || !binary || !archive)
				next
			printf "Types: %s\nSuites: %s\nComponents: main\n%s\n", type, suite, kept
			found = 1
			exit
		}
		END { exit !found }'
}

# apt_root_create [--source] DIR SUITE...: package lists of the suites below DIR, of source packages
# with --source.  Sets apt_options, which every later apt command needs.  A suite that the archive
# does not have (any more) is no error here: the caller notices when the package is missing.
# Source packages are for who knows their checksums: how old the lists are does not matter then.
apt_root_create()
{
	local type=deb root suite

	if [ "$1" = --source ]; then
		type=deb-src
		shift
	fi
	root=$1
	shift
	mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial" "$root/sources"
	: > "$root/state/status"
	for suite in "$@"; do
		apt_source_for "$suite" "$type" > "$root/sources/$suite.sources" || {
			rm "$root/sources/$suite.sources"
			say "no source for suite $suite: this machine's apt does not know its archive"
		}
	done
	# The sandbox user of apt cannot enter a private directory; what apt checks stays checked.
	apt_options=(
		-o "Dir::State=$root/state" -o "Dir::State::status=$root/state/status"
		-o "Dir::Cache=$root/cache" -o "Dir::Etc::sourcelist=/dev/null"
		-o "Dir::Etc::sourceparts=$root/sources" -o "Dir::Etc::preferences=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null" -o "APT::Sandbox::User=root"
		-o "Acquire::Languages=none" -o "Acquire::Retries=3"
		-o "APT::Architecture=amd64" -o "APT::Architectures=amd64"
	)
	[ "$type" = deb ] || apt_options+=(-o "Acquire::Check-Valid-Until=false")
	apt-get "${apt_options[@]}" --quiet update >&2 || say "some package lists are missing"
}

# apt_field FIELD PACKAGE: of the newest version of PACKAGE.
apt_field()
{
	apt-cache "${apt_options[@]}" show --no-all-versions "$2" | sed -n "s/^$1: //p" | head -n 1
}

# apt_download DIR PACKAGE...: the newest .deb files, checked by apt.
apt_download()
{
	local dir=$1

	shift
	(cd "$dir" && apt-get "${apt_options[@]}" --quiet download "$@" >&2)
}
