/* The business. Pure: no I/O, no clock, no random; memory only from the arena handed in. One event is decided on one shard.
 * Facts fold first, in any order of arrival to the same state; rules run after, once. Sources: EVENTS.md, RULES.md "What happens exactly". */
#ifndef YT_CORE_DECIDE_H
#define YT_CORE_DECIDE_H

#include "yutang/core/entity.h"
#include "yutang/event/event.h"
#include "yutang/event/output.h"
#include "yutang/rules/ruleset.h"

/* A record as it came, and where it first lay. */
struct yt_raw {
	struct yt_str topic;
	int64_t partition, offset, timestamp;
	struct yt_str key, value; /* key.p NULL: none */
	const struct yt_header *headers; /* its own */
	size_t n_headers;
};

/* The shard's state as one decision sees it. Objects live in the arena until what was decided is sealed; whoever gets one by `edit` may change it, and the engine
 * will seal it. An object of an expired entity is handed out fresh (edit) or as NULL (peek). */
struct yt_state {
	void *ctx;
	const void *(*peek)(void *ctx, enum yt_kind kind, struct yt_str name); /* NULL: absent */
	void *(*edit)(void *ctx, enum yt_kind kind, struct yt_str name);       /* never NULL */
	void (*output)(void *ctx, const struct yt_output *out);                /* copies all of it; so do send, spread, forward and dead */
	/* An internal event to the owner of that key (`<shop>/<member>`), for yt_decide_internal on its shard. */
	void (*send)(void *ctx, struct yt_str key, struct yt_str value);
	void (*remove)(void *ctx, enum yt_kind kind, struct yt_str name); /* absent from now on; what `edit` gave of it is dead */
	bool (*any)(void *ctx, enum yt_kind kind); /* false: the shard has none of that kind */
	/* An internal event to every shard, this one too; each gets it under a key `<shop>/~shard:<n>` of its own. */
	void (*spread)(void *ctx, struct yt_str shop, struct yt_str value);
	/* Names of the entities of the shard that name that member, or may (yt_entity_names), in the arena, by name. */
	size_t (*naming)(void *ctx, enum yt_kind kind, struct yt_str member_name, struct yt_str **names);
	/* The record that is decided, in the arena. */
	const struct yt_raw *(*raw)(void *ctx);
	/* A record goes to that member's shard, key `<shop>/<member>`, and is decided there as that member's, whomever it names. */
	void (*forward)(void *ctx, const struct yt_raw *raw, struct yt_str key);
	/* A record of earlier goes to the dead letters. */
	void (*dead)(void *ctx, const struct yt_raw *raw, enum yt_dead why, const char *detail);
};

/* What a rule came to. */
enum yt_verdict {
	YT_VERDICT_SEASON,   /* event.at lies before `from`, or not before `until` */
	YT_VERDICT_AGE,      /* older than max_age */
	YT_VERDICT_ONCE,     /* its mark is set */
	YT_VERDICT_PENDING,  /* a timer of it waits under the same mark */
	YT_VERDICT_FALSE,    /* `when` */
	YT_VERDICT_WAITS,    /* a timer was set, or moved: until */
	YT_VERDICT_NO_ROOM,  /* the member has all the timers it can have */
	YT_VERDICT_NOT_STILL, /* `still` is false */
	YT_VERDICT_FIRES,    /* what it gives, refuses and withholds leaves after this was told */
	YT_VERDICT_QUIET,    /* after FIRES: its follow-up waits for the end of the quiet hours: until */
	/* An expression failed: of `when` and `still` in place of FALSE and NOT_STILL, of a param beside all others. */
	YT_VERDICT_WHEN_ERROR,
	YT_VERDICT_AFTER_ERROR,
	YT_VERDICT_STILL_ERROR,
	YT_VERDICT_PARAM_ERROR,
	YT_VERDICT__COUNT
};

struct yt_act;

/* Somebody who wants to know what becomes of the rules. */
struct yt_watch {
	void *ctx;
	uint32_t verdicts; /* bit per verdict that it is to be told */
	/* until: with WAITS and QUIET. why: of an error, else NULL. The act is as the rule saw it; nothing of it may be changed. */
	void (*told)(void *ctx, const struct yt_act *act, const struct yt_rule *rule, enum yt_verdict verdict, int64_t until, const char *why);
};

struct yt_decide_env {
	const struct yt_ruleset *rules;
	const struct yt_state *state;
	struct yt_arena *arena; /* the objects' */
	int64_t now_ms;
	const unsigned char *code_key; /* 32 bytes; NULL: outputs carry no code, and codes in orders match none */
	const struct yt_watch *watch;  /* NULL: none */
	int hop; /* how many shards what is decided came over */
};

enum yt_result {
	YT_APPLIED,
	YT_DUPLICATE,
	YT_CONFLICT,  /* nothing leaves; a command's id is remembered */
	YT_DEAD,
	YT_PARKED,    /* it waits for whose order it is */
	YT_ERASED,    /* a fact of before a member.erase: dropped */
	YT_FORWARDED, /* it is decided on another shard */
	YT_RESULT__COUNT
};

struct yt_decision {
	enum yt_result result;
	enum yt_dead dead;  /* with YT_DEAD */
	char detail[160];   /* with YT_DEAD: what a person reads; with YT_CONFLICT: the field that differs */
};

/* For those who decide. A fact that is known: the first stays, whole; field: what may differ. */
void yt_decision_dead(struct yt_decision *d, enum yt_dead why, const char *detail);
void yt_decision_known(struct yt_decision *d, bool same, const char *field);

/* Folds the event into the state and takes the decisions that follow. The event, and of an internal one key and value, live as long as the batch:
 * objects borrow from them. With YT_DEAD nothing was edited and no output left: everything that can refuse an event (shop unknown, currency, too
 * old, limits) is judged before the first edit. */
void yt_decide(const struct yt_decide_env *env, const struct yt_event *ev, struct yt_decision *out);

/* What another decision sent to the owner of that key. With YT_DEAD as above. */
void yt_decide_internal(const struct yt_decide_env *env, struct yt_str key, struct yt_str value, struct yt_decision *out);

/* Fires the one earliest item of that entity (of a member: timer, coupon reminder, coupon end; of an alias: the end of a wait) that is due at or before
 * env->now_ms, order among equal dues: (rule, fact). False when nothing was due. The caller repeats. */
bool yt_decide_due(const struct yt_decide_env *env, enum yt_kind kind, struct yt_str name);

#endif
