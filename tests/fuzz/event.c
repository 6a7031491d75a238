/* Any bytes as a record's value: the direct reader and the reader over base/json must say the same, without harm.
 * `make fuzz` builds it with clang's libFuzzer; tests/unit/test_event_direct.c does the same over changed documents without. */
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
