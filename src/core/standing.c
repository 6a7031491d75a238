#include "yutang/core/standing.h"

#include "yutang/core/entity.h"

int64_t yt_standing_due(const struct yt_standing *s)
{
	int64_t due = s->judge_at ? s->judge_at : s->falls_at;

	if (!due)
		return YT_NEVER;
	return s->warn_at && s->warn_at < due ? s->warn_at : due; /* of one instant: the end of the period, the warning, the end of the grace */
}

enum { STANDING_FALLS = 1, STANDING_JUDGED = 2, STANDING_WARNS = 4, STANDING_WARNED = 8 };

void yt_standing_encode(const struct yt_standing *s, struct yt_buf *out)
{
	yt_buf_bytes(out, s->tier);
	yt_buf_varint(out, (uint64_t)s->rank);
	yt_buf_c(out, (char)((s->falls_at ? STANDING_FALLS : 0) | (s->judge_at ? 0 : STANDING_JUDGED) | (s->warn_at ? STANDING_WARNS : 0) |
	                     (s->warned ? STANDING_WARNED : 0)));
	if (!s->falls_at)
		return;
	yt_buf_varint(out, (uint64_t)s->falls_at);
	if (s->judge_at)
		yt_buf_varint(out, (uint64_t)s->judge_at);
	if (s->warn_at) {
		yt_buf_varint(out, (uint64_t)s->warn_at);
		yt_buf_varint(out, (uint64_t)s->warn_due);
	}
	if (s->warned)
		yt_buf_add(out, s->warning, sizeof(s->warning));
	yt_buf_bytes(out, s->cause);
	yt_buf_bytes(out, s->fact);
	yt_buf_varint(out, s->n_changes);
	yt_buf_varint(out, s->n_warnings);
}

void yt_standing_decode(struct yt_standing *s, struct yt_rd *r)
{
	uint8_t flags;

	s->tier = yt_rd_bytes(r);
	s->rank = yt_rd_instant(r);
	flags = yt_rd_u8(r);
	if (!(flags & STANDING_FALLS))
		return;
	s->falls_at = yt_rd_instant(r);
	if (!(flags & STANDING_JUDGED))
		s->judge_at = yt_rd_instant(r);
	if (flags & STANDING_WARNS) {
		s->warn_at = yt_rd_instant(r);
		s->warn_due = yt_rd_instant(r);
	}
	s->warned = flags & STANDING_WARNED;
	if (s->warned)
		yt_rd_raw(r, s->warning, sizeof(s->warning));
	s->cause = yt_rd_bytes(r);
	s->fact = yt_rd_bytes(r);
	s->n_changes = (uint32_t)yt_rd_varint(r);
	s->n_warnings = (uint32_t)yt_rd_varint(r);
	r->bad |= !s->tier.n || !s->falls_at || (!s->judge_at && !(flags & STANDING_JUDGED)) || (!s->warn_at && (flags & STANDING_WARNS));
}
