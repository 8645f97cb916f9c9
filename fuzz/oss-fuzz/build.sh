#!/bin/bash -eu
# Builds every fuzz target as OSS-Fuzz wants it: compilers, flags and engine come from outside, and
# $OUT gets fuzz_NAME, fuzz_NAME_seed_corpus.zip and fuzz_NAME.dict. To be run where the sources
# are.
#
# The core and its targets alone: no program, no tests.

build=$WORK/build
rm -rf "$build"
meson setup "$build" -Dbuildtype=plain -Dwerror=false -Dprogram=false -Dtests=false -Dfuzz=true \
    -Dfuzz_engine="$LIB_FUZZING_ENGINE" -Db_lundef=false
ninja -C "$build"

for program in "$build"/fuzz/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    name=$(basename "$program")
    target=${name#fuzz_}
    cp "$program" "$OUT/$name"
    cp "fuzz/dict/$target.dict" "$OUT/$name.dict"
    seeds=(fuzz/corpus/"$target"/*)
    for folder in fuzz/regress/"$target"/*; do
        [ ! -f "$folder" ] || seeds+=("$folder")
    done
    rm -f "$OUT/${name}_seed_corpus.zip"
    zip -q -j "$OUT/${name}_seed_corpus.zip" "${seeds[@]}"
done
