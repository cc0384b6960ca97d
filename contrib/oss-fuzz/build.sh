#!/bin/bash -eu
# build.sh: the fuzzers for OSS-Fuzz. What it gives: SRC, WORK, OUT, CC, CXX, CFLAGS, CXXFLAGS and
# LIB_FUZZING_ENGINE; what it gets in OUT: each fuzzer with its corpus and dictionary, and in lib/
# what the machine that they run on has not. To try it elsewhere, with the clone as SRC/cronward:
#   CC=clang CXX=clang++ LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
#   CFLAGS='-g -O1 -fsanitize=address,fuzzer-no-link' CXXFLAGS=$CFLAGS SRC=... WORK=... OUT=... build.sh
tests=$SRC/cronward/tests/fuzz
names=("$tests"/fuzz_*.c)
names=("${names[@]##*/}")
names=("${names[@]%.c}")

(cd "$SRC/cronward" && autoreconf -fi)
mkdir -p "$WORK/build" "$OUT/lib"
cd "$WORK/build"
"$SRC/cronward/configure" --enable-fuzzing --disable-hardening --without-pam
# some engines are C++, so that its compiler links; libraries are looked for beside the fuzzer
# shellcheck disable=SC2016 # $ORIGIN is the dynamic linker's own
make -s -j"$(nproc)" CCLD="$CXX $CXXFLAGS" LDFLAGS='-Wl,--disable-new-dtags,-rpath,\$$ORIGIN/lib' \
	"${names[@]/#/tests/fuzz/}"

for name in "${names[@]}"; do
	noun=${name#fuzz_}
	cp "tests/fuzz/$name" "$OUT/$name"
	zip -q -j "$OUT/${name}_seed_corpus.zip" "$tests/corpus/$noun"/*
	[ ! -e "$tests/$noun.dict" ] || cp "$tests/$noun.dict" "$OUT/$name.dict"
	ldd "tests/fuzz/$name" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
		grep -v -E '/(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+)\.so' |
		while read -r library; do cp -L "$library" "$OUT/lib/"; done
done
