#include "yutang/engine/ktxn.h"

#include "yutang/base/err.h"

void yt_ktxn_init(struct yt_ktxn *k)
{
	*k = (struct yt_ktxn){ .action = YT_KTXN_BEGIN, .known = true };
}

void yt_ktxn_start(struct yt_ktxn *k)
{
	YT_ASSERT(k->action == YT_KTXN_BEGIN || k->action == YT_KTXN_REPORT, "ktxn");
	/* Nothing was sent yet, so that a REMAKE now leads to BEGIN and not to a question. */
	k->known = true;
	k->action = k->remake ? YT_KTXN_REMAKE : YT_KTXN_BEGIN;
}

static void doubt(struct yt_ktxn *k)
{
	k->remake = true;
	k->known = false;
	k->action = YT_KTXN_REMAKE;
}

static void report(struct yt_ktxn *k, enum yt_outcome outcome)
{
	if (outcome != YT_COMMITTED)
		k->aborted += outcome == YT_ABORTED;
	k->outcome = outcome;
	k->known = true;
	k->action = YT_KTXN_REPORT;
}

void yt_ktxn_done(struct yt_ktxn *k, bool ok, bool error_event, int64_t took_ms)
{
	switch (k->action) {
	case YT_KTXN_BEGIN:
	case YT_KTXN_OFFSETS:
	case YT_KTXN_PRODUCE:
	case YT_KTXN_AWAIT:
		if (!ok || error_event) {
			doubt(k);
			return;
		}
		k->known = false;
		k->action++;
		return;
	case YT_KTXN_COMMIT:
		if (!ok) {
			doubt(k);
			return;
		}
		/* The coordinator said yes: the outcome stands, but the next transaction gets a new producer (I6). */
		k->remake = error_event || took_ms > YT_KTXN_SLOW_MS;
		report(k, YT_COMMITTED);
		return;
	case YT_KTXN_REMAKE:
		if (!ok)
			return;
		k->remake = false;
		k->remade++;
		k->action = k->known ? YT_KTXN_BEGIN : YT_KTXN_READ_C;
		return;
	case YT_KTXN_READ_C: /* yt_ktxn_read takes the answer; without one the question stands */
		YT_ASSERT(!ok, "ktxn");
		return;
	case YT_KTXN_REPORT:
		break;
	}
	YT_ASSERT(!"an action is to be done", "ktxn");
}

void yt_ktxn_read(struct yt_ktxn *k, const uint64_t *have, const uint64_t *made, size_t n)
{
	size_t committed = 0, aborted = 0;

	YT_ASSERT(k->action == YT_KTXN_READ_C && n > 0, "ktxn");
	for (size_t i = 0; i < n; i++) {
		if (have[i] == UINT64_MAX)
			continue;
		committed += have[i] == made[i];
		aborted += have[i] + 1 == made[i];
	}
	report(k, committed == n ? YT_COMMITTED : aborted == n ? YT_ABORTED : YT_LOST);
}
