/* What the fuzzers share. Each is a LLVMFuzzerTestOneInput: `make fuzz` builds it with clang's libFuzzer, tests/unit/test_fuzz.c runs its corpus,
 * tests/fuzz/corpus/NAME, without. What must hold is said by YT_ASSERT. */
#ifndef YT_FUZZ_H
#define YT_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "yutang/base/err.h"

/* A failed assertion ends with this, past what libFuzzer watches: here it is a crash, whose input is kept. */
void _exit(int code)
{
	(void)code;
	abort();
}

#endif
