# shellcheck shell=sh
# lib.sh: what contrib/try and contrib/test share: packages, where to build, how to
# say what went wrong. Sourced with $top (the clone) and $me (the script) set.

: "${top:?}" "${me:?}"

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

# Prints those of the named packages that are not installed.
packages_missing()
{
	for package in "$@"; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
		[ "$state" = installed ] || printf '%s ' "$package"
	done
}

# Installs what is missing as root; says what is missing, and ends, as anybody else.
packages_need()
{
	if ! command -v dpkg-query >/dev/null 2>&1; then
		say "$me: not a Debian system; taking it that the equivalents of these are installed:"
		say "  $(printf '%s ' "$@")"
		return 0
	fi
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		say "$me: packages are missing. As root, install them and run this again:" >&2
		say "  apt-get install --no-install-recommends ${missing% }" >&2
		exit 1
	fi
	say "Installing with apt-get: ${missing% }"
	log=$(mktemp) || die "cannot make a temporary file"
	# --no-remove: a test is no reason to take a package away.
	# shellcheck disable=SC2086 # a list of words
	if ! { DEBIAN_FRONTEND=noninteractive apt-get -q update &&
		DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-remove \
			--no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		rm -f "$log"
		die "apt-get failed (its last lines stand above)"
	fi
	rm -f "$log"
}

# What building takes, and what is named beside it.
build_packages_need()
{
	packages_need gcc libc6-dev make autoconf automake pkg-config libconfuse-dev \
		libcurl4-openssl-dev libbsd-dev libjansson-dev libsqlite3-dev libpam0g-dev tzdata "$@"
}

# Can we build inside the clone without standing in somebody's way?
clone_is_ours()
{
	[ -w "$top" ] && [ ! -e "$top/config.status" ] &&
		[ -n "$(find "$top" -prune -user "$(id -u)")" ]
}

# Sets $src (where the sources are) and $scratch (what is to be removed at the end, or
# empty). A clone that is read-only, someone else's, or configured in place is copied.
source_tree()
{
	scratch=
	src=$top
	clone_is_ours && return 0
	scratch=$(mktemp -d) || die "cannot make a temporary directory"
	src=$scratch/cronward
	say "This clone is read-only, someone else's, or configured in place: building a copy in $src"
	mkdir "$src" || die "cannot make $src"
	(cd "$top" && tar -cf - --exclude=./.git --exclude=./build \
		--exclude=./build-test --exclude=./config.status --exclude=./config.h \
		--exclude=./Makefile --exclude='*.o' --exclude='*.a' .) |
		(cd "$src" && tar -xof -) || die "cannot copy $top to $src"
}

# Makes configure where it is not there or older than what it is made from.
generate_configure()
{
	if [ -e "$src/configure" ] && [ -e "$src/Makefile.in" ] &&
		[ -z "$(find "$src/configure.ac" "$src/Makefile.am" -newer "$src/Makefile.in")" ]; then
		return 0
	fi
	(cd "$src" && autoreconf --install --force)
}

processors()
{
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
}
