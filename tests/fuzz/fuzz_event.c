/* Any bytes as a record's value: the direct reader and the reader over base/json must say the same, without harm.
 *
 *     make fuzzers CC=clang SAN=address,undefined,fuzzer-no-link
 *     build/san-address-undefined-fuzzer-no-link/fuzz/fuzz_event CORPUS
 *
 * Built without libFuzzer it reads the files that are named, each as one input. */
#include <stdio.h>
#include <stdlib.h>

#include "event/direct.h"
#include "unit/event_same.h"

#define NOW INT64_C(1754042400000) /* 2025-08-01T10:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena arena;
	struct yt_str value = yt_str((const char *)data, size);
	struct yt_decoded got, tree;

	yt_types_init();
	if (!arena.chunk_size)
		yt_arena_init(&arena, 0);
	yt_event_decode(&arena, value, NULL, 0, NOW, &got);
	yt_event_decode_tree(&arena, value, NULL, 0, NOW, &tree);
	if (!decoded_same(&got, &tree))
		abort();
	yt_arena_reset(&arena);
	return 0;
}

#ifndef YT_LIBFUZZER
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		uint8_t *data = malloc(1 << 20);
		size_t n;

		if (!f || !data) {
			perror(argv[i]);
			return 1;
		}
		n = fread(data, 1, 1 << 20, f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, n);
		free(data);
	}
	return 0;
}
#endif
