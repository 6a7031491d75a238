/* The business. Pure: no I/O, no clock, no random; memory only from the arena handed in. One event is decided on one shard.
 * Facts fold first, in any order of arrival to the same state; rules run after, once. Sources: EVENTS.md, RULES.md "What happens exactly". */
#ifndef YT_CORE_DECIDE_H
#define YT_CORE_DECIDE_H

#include "yutang/core/entity.h"
#include "yutang/event/event.h"
#include "yutang/event/output.h"
#include "yutang/rules/ruleset.h"

/* The shard's state as one decision sees it. Objects live in the batch's arena; whoever gets one by `edit` may change it, and the engine
 * will seal it. An object of an expired entity is handed out fresh (edit) or as NULL (peek). */
struct yt_state {
	void *ctx;
	const void *(*peek)(void *ctx, enum yt_kind kind, struct yt_str name); /* NULL: absent */
	void *(*edit)(void *ctx, enum yt_kind kind, struct yt_str name);       /* never NULL */
	void (*output)(void *ctx, const struct yt_output *out);                /* copies *out; key and value stay in the arena */
	/* An internal event to the member of that key (`<shop>/<member>`), for yt_decide_internal on its shard; both stay in the arena. */
	void (*send)(void *ctx, struct yt_str key, struct yt_str value);
};

struct yt_decide_env {
	const struct yt_ruleset *rules;
	const struct yt_state *state;
	struct yt_arena *arena; /* the batch's */
	int64_t now_ms;
	const unsigned char *code_key; /* 32 bytes; NULL: outputs carry no code, and codes in orders match none */
};

enum yt_result { YT_APPLIED, YT_DUPLICATE, YT_CONFLICT, YT_DEAD };

struct yt_decision {
	enum yt_result result;
	enum yt_dead dead;  /* with YT_DEAD */
	char detail[160];   /* with YT_DEAD: what a person reads; with YT_CONFLICT: the field that differs */
};

/* Folds the event into the state and takes the decisions that follow. With YT_DEAD nothing was edited and no output left: everything that can
 * refuse an event (shop unknown, currency, too old, limits) is judged before the first edit. */
void yt_decide(const struct yt_decide_env *env, const struct yt_event *ev, struct yt_decision *out);

/* What another decision sent to the member of that key. With YT_DEAD as above. */
void yt_decide_internal(const struct yt_decide_env *env, struct yt_str key, struct yt_str value, struct yt_decision *out);

/* Fires the one earliest item of that member (timer, coupon reminder, coupon end) that is due at or before env->now_ms, order among equal dues: (rule, fact).
 * False when nothing was due. The caller repeats. */
bool yt_decide_due(const struct yt_decide_env *env, struct yt_str member_name);

#endif
