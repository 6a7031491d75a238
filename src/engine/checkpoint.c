#include "yutang/engine/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One byte in front of everything; another value is another layout. */
enum { FORMAT = 2 };

void yt_checkpoint_encode(const struct yt_checkpoint *c, struct yt_buf *out)
{
	yt_buf_c(out, FORMAT);
	yt_buf_add(out, c->log_id, YT_LOG_ID_BYTES);
	yt_buf_varint(out, c->version);
	yt_buf_svarint(out, c->now_ms);
	yt_buf_svarint(out, c->rules_revision);
	yt_buf_u64(out, c->rules_digest);
	yt_buf_varint(out, (uint64_t)c->partitions);
	yt_buf_bytes(out, c->transactional_id);
	yt_buf_varint(out, (uint64_t)c->n_inputs);
	for (int i = 0; i < c->n_inputs; i++) {
		yt_buf_bytes(out, c->topics[i]);
		yt_buf_svarint(out, c->next[i]);
	}
}

static bool is_log_id(const char *p)
{
	for (int i = 0; i < YT_LOG_ID_BYTES; i++)
		if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
	return true;
}

bool yt_checkpoint_decode(struct yt_str value, struct yt_checkpoint *c)
{
	struct yt_rd r = yt_rd(value);
	uint64_t partitions, n_inputs;

	memset(c, 0, sizeof *c);
	if (value.n < 1 + YT_LOG_ID_BYTES || yt_rd_u8(&r) != FORMAT || !is_log_id(value.p + 1))
		return false;
	memcpy(c->log_id, r.p, YT_LOG_ID_BYTES);
	r.p += YT_LOG_ID_BYTES;
	c->version = yt_rd_varint(&r);
	c->now_ms = yt_rd_svarint(&r);
	c->rules_revision = yt_rd_svarint(&r);
	c->rules_digest = yt_rd_u64(&r);
	partitions = yt_rd_varint(&r);
	c->transactional_id = yt_rd_bytes(&r);
	n_inputs = yt_rd_varint(&r);
	if (r.bad || partitions < 1 || partitions > YT_PARTITIONS_MAX || n_inputs < 1 || n_inputs > YT_INPUTS_MAX)
		return false;
	c->partitions = (int)partitions;
	c->n_inputs = (int)n_inputs;
	for (int i = 0; i < c->n_inputs; i++) {
		c->topics[i] = yt_rd_bytes(&r);
		c->next[i] = yt_rd_svarint(&r);
	}
	return !r.bad && r.p == r.end;
}

void yt_commit_meta(char *out, size_t cap, const char *log_id, uint64_t version)
{
	snprintf(out, cap, "%s v=%" PRIu64, log_id, version);
}

bool yt_commit_meta_parse(const char *meta, char log_id[YT_LOG_ID_BYTES + 1], uint64_t *version)
{
	const char *p;
	uint64_t v = 0;

	if (!meta || strnlen(meta, YT_LOG_ID_BYTES) < YT_LOG_ID_BYTES || !is_log_id(meta) ||
	    strncmp(meta + YT_LOG_ID_BYTES, " v=", 3) != 0)
		return false;
	p = meta + YT_LOG_ID_BYTES + 3;
	if (*p == 0 || (*p == '0' && p[1]))
		return false;
	for (; *p; p++) {
		unsigned d = (unsigned)*p - '0';

		/* UINT64_MAX stands for "none". */
		if (d > 9 || v > (UINT64_MAX - 1 - d) / 10)
			return false;
		v = v * 10 + d;
	}
	memcpy(log_id, meta, YT_LOG_ID_BYTES);
	log_id[YT_LOG_ID_BYTES] = 0;
	*version = v;
	return true;
}
