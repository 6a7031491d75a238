/* The data of the engine, for its own files only: a shard in memory is a base (the fold of what was committed) and an overlay
 * (the batch in flight) over the same entries. */
#ifndef YT_ENGINE_SHARD_H
#define YT_ENGINE_SHARD_H

#include "yutang/base/heap.h"
#include "yutang/base/map.h"
#include "yutang/base/slab.h"
#include "yutang/engine/checkpoint.h"
#include "yutang/engine/engine.h"

enum {
	YT_BATCH_RECORDS_MAX = 20000,          /* three times as many cost the same time and 150 MB more */
	YT_BATCH_ARENA_MAX = 64 * 1024 * 1024, /* bytes of objects and messages */
	YT_BATCH_MS_MAX = 500,                 /* of deciding: however slow the machine, a turn ends before it looks like none (run.c) */
};

/* An entity: its committed bytes, and while a batch is being decided its object. */
struct yt_entry {
	struct yt_heap_node due_node; /* first: the heap hands out its address */
	uint8_t kind;
	bool dirty;      /* edited by the batch */
	bool touched;    /* the batch's end must clear what is here of it */
	bool gone;       /* removed by the batch: absent, whatever blob says */
	bool edited_now; /* edited by the decision that runs */
	uint8_t view_lacks; /* bit per hash that Redis may lack; not 0: in the shard's list */
	uint16_t key_n;
	uint32_t blob_n;
	char *blob;          /* committed value with its head; NULL: absent */
	union {
		void *obj;                   /* while the shard's part of the batch is decided */
		const struct yt_str *sealed; /* from then on, of a dirty one: the value that a commit will bring; NULL: it goes */
	};
	int64_t due; /* as of the overlay; YT_NEVER */
	char key[];  /* changelog key */
};

enum { YT_ENTRY_KEY_MAX = 512 };

/* It is soon read, and most keys whole; NULL: nothing is. */
static inline void yt_entry_prefetch(const struct yt_entry *en)
{
	if (en) {
		yt_prefetch(en);
		yt_prefetch((const char *)en + sizeof *en + 16);
	}
}

/* The changelog key of an entity, written into `at`; empty where it has no room. */
struct yt_str yt_entry_key_of(enum yt_kind kind, struct yt_str name, char at[YT_ENTRY_KEY_MAX]);

/* Who is named where; engine/named.c. */
struct yt_named {
	uint64_t *rows; /* NULL: nobody has asked yet */
	size_t n, cap;  /* cap is a power of two */
};

struct yt_chunk; /* memory of decoded records, engine/queue.c */

/* A fetched and decoded record that waits for its turn, or for its batch to be committed. */
struct yt_queued {
	struct yt_queued *next;
	uint64_t member_hash, order_hash; /* of the entries of its member and of its order in the shard's map; 0: not known */
	struct yt_chunk *chunk;
	struct yt_record rec;
	struct yt_event *event; /* NULL: it could not be decoded, or is an internal event */
	enum yt_dead dead;      /* of the decoding, or of this batch's decision; and what was wrong: */
	const char *detail;     /* in the chunk, or in the batch's arena */
	int64_t time;      /* merge order: the envelope's time; INT64_MIN where it has none */
	int64_t cause_now; /* of a forwarded record: `now` of the decision that forwarded it; else INT64_MIN */
	struct yt_str key; /* that decides the shard; empty for what could not be decoded */
	int owner;         /* shard by the key */
	int hop;           /* how often it was forwarded */
	bool forwarded;    /* by this batch */
	struct yt_str member; /* whose it was found to be on the way; empty: as it says */
	bool sent;         /* an internal event, for yt_decide_internal */
	enum yt_result result; /* of this batch's decision */
	/* Where it first lay, for dead letters. */
	struct yt_str origin_topic;
	int64_t origin_partition, origin_offset, origin_timestamp;
};

struct yt_input {
	struct yt_queued *head, *tail; /* fetched, not decided */
	int64_t queued;
	size_t bytes;      /* key and value bytes of what is queued */
	int64_t next;      /* committed: the offset to decide next */
	int64_t taken;     /* `next` as of the batch */
	int64_t fetched;   /* behind the newest record in the queue */
	int64_t end;       /* last on_end, -1: none since it was started */
	int64_t lacking_since; /* mono ms since when it has nothing while others have; -1 */
	bool passed;           /* waited long enough: counted, until it has something again */
	int64_t due_end;   /* answer of ends() for timers */
	/* `internal`: records that were fetched, by now and when the batch was sealed, and how many that has to become before an end is believed: an
	 * end may have been on its way since before the commit of what was sent. */
	uint64_t got, got_at_seal, wanted;
};

enum yt_shard_state {
	YT_SHARD_KEPT,      /* memory of an earlier assignment, not ours now */
	YT_SHARD_OPENING,   /* C is being read */
	YT_SHARD_RESTORING, /* the changelog is being read */
	YT_SHARD_READY,     /* loaded, not started */
	YT_SHARD_LIVE
};

enum yt_shard_view { YT_SV_UNKNOWN, YT_SV_ASKED, YT_SV_OK, YT_SV_WRITING, YT_SV_RESETTING, YT_SV_AWAY };

struct yt_shard {
	struct yt_engine *engine;
	int id;
	enum yt_shard_state state;
	bool loaded; /* entries, version and inputs hold a committed state */

	struct yt_slab slab; /* of the entries and their values */
	struct yt_map entries;
	size_t n_of[YT_KIND__COUNT];           /* entries of each kind */
	struct yt_entry *last[YT_KIND__COUNT]; /* asked for last, of each kind: a decision asks for the same again and again */
	struct yt_heap due; /* entries with a due, by (due, shop, member) */
	struct yt_named named;
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;
	int64_t now_ms;
	int64_t rules_revision; /* of the set that decided last; 0: none did */
	uint64_t rules_digest;
	struct yt_input in[YT_INPUTS_MAX];

	/* the batch */
	bool in_batch;
	struct yt_entry **touched;
	size_t n_touched, cap_touched;
	int64_t batch_now;   /* `now` of the decision that runs */
	int64_t pending_now; /* now_ms as of the batch */

	/* restore */
	struct yt_group_pos group;
	bool has_checkpoint;
	struct yt_checkpoint checkpoint; /* texts not kept */
	uint32_t checkpoint_inputs;      /* bit per input that the checkpoint names */
	uint64_t restored;
	bool commit_at_once; /* the offsets must be committed though nothing was decided */

	/* timers */
	bool ends_pending, ends_known;
	int64_t ends_asked_now;  /* `now` of the question that due_end answers */
	int64_t ends_question_now; /* of the question that is pending */
	int64_t ends_asked_mono; /* for the rate */
	int64_t held_since_mono; /* a timer is due and waits; -1 */
	bool held_said;

	/* view */
	enum yt_shard_view view;
	uint64_t view_version;
	uint64_t view_max; /* Redis cannot have a later one: what was restored, until where() was answered; then whatever is committed */
	int64_t view_asked_mono, view_written_mono;
	int64_t view_ahead_since;  /* mono ms since which Redis has a later version than we committed; -1 */
	int64_t view_behind_since; /* mono ms of the oldest commit that Redis does not show; -1 */
	int64_t view_next_since;   /* the same, of those since the job in flight was made */
	struct yt_entry **view_dirty;
	size_t n_view_dirty, cap_view_dirty;
	bool view_all;                /* the list does not tell what Redis lacks: the next where() does */
	bool view_unswept;            /* Redis has to be swept once the list is written */
	struct yt_view_job *view_job; /* in flight; the port's */

	size_t sweep_at; /* cursor of the walk that finds expired entities */

	struct yt_shard *next_gone;
	size_t gone_at;  /* cursor of the walk that frees the entries */
};

/* A batch and everything that lives as long. */
struct yt_engine {
	const struct yt_engine_conf *conf;
	const struct yt_ruleset *rules;      /* of the batch in flight */
	const struct yt_ruleset *next_rules; /* from the next batch on; NULL: the same */
	struct yt_log *log;
	struct yt_view *view; /* NULL: none */
	struct yt_engine_up up;
	struct yt_engine_stats stats;

	/* errors.c */
	struct yt_watch watch;
	struct yt_map faults; /* by the rule's name */
	struct yt_rule_errors **rule_errors;
	bool faulty;                     /* the batch has errors */
	const struct yt_record *decided; /* the record at hand; NULL: a timer */
	const struct yt_queued *at_hand; /* the same */

	int64_t wall_ms, mono_ms; /* of this turn */
	int64_t event_now;        /* clock event: the process's now */
	int64_t event_now_before; /* the batch */
	int64_t until_ms;         /* replay --until; INT64_MIN */

	struct yt_shard **shards; /* by number; NULL: never ours */
	int *assigned;            /* as the group said, in its order */
	struct yt_shard *gone;    /* went to somebody else: freed bit by bit */
	size_t n_assigned;
	bool joined;    /* the group has given us our shards, which may be none */
	bool revoking;  /* finish the commit, then release */
	bool draining, dead;
	int64_t started_mono;  /* last start() */
	int next_shard;        /* where the next batch begins, for fairness */

	struct yt_at at;
	struct yt_chunk *chunk[YT_INPUTS_MAX]; /* newest memory of decoded records */
	size_t queued_bytes;    /* key and value bytes of all queued records */
	int64_t queued;

	/* the batch */
	struct yt_buf sealing; /* an entity while it is encoded: on the heap, so that the arena gets its bytes alone */
	struct yt_arena arena;   /* what leaves with the batch, and what is to be said of it */
	struct yt_arena objects; /* what is decided on, until it is sealed */
	bool committing;
	int hop;                   /* of the record that is decided; 0: of a timer */
	struct yt_shard *deciding; /* whose decision runs */
	struct yt_queued **taken;  /* records of the batch, in order */
	size_t n_taken, cap_taken;
	struct yt_message *messages;
	size_t n_messages, cap_messages;
	struct { const struct yt_raw *raw; enum yt_dead why; const char *detail; } *late; /* dead letters of records that were parked */
	size_t n_late, cap_late;
	struct { int shard; struct yt_output out; } *outputs;
	size_t n_outputs, cap_outputs;
	struct yt_shard_commit *commits;
	size_t n_commits, n_sealed; /* the first so many of them are sealed */
	struct yt_batch batch;
	struct yt_entry **edited; /* by the decision that runs */
	size_t n_edited, cap_edited;
	int64_t commit_began_mono;
	uint64_t timers_fired;
	int64_t began_mono; /* the batch */
	bool old;           /* YT_BATCH_MS_MAX has passed since */
	size_t n_sent; /* internal events in it, and records that go on to another shard */
	bool ends_wanted; /* by yt_engine_want_ends */
	bool all_at_end; /* clock event: nothing was left to decide this turn */

	/* wall clock against the monotonic one */
	int64_t clock_offset;
	bool clock_known, clock_jumped;
};

/* Ends the process through the host; the first reason counts. */
void yt_engine_die(struct yt_engine *e, int exit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Around all work on one record. The fences keep the compiler from moving that work out of between. */
static inline void yt_engine_enter(struct yt_engine *e, const struct yt_record *rec)
{
	atomic_store_explicit(&e->at.offset, rec->offset, memory_order_relaxed);
	atomic_store_explicit(&e->at.place, 1 + (uint32_t)rec->input * YT_PARTITIONS_MAX + (uint32_t)rec->shard, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void yt_engine_leave(struct yt_engine *e)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&e->at.place, 0, memory_order_release);
}

/* Between two batches: what yt_engine_reload brought. */
void yt_engine_take_rules(struct yt_engine *e);

/* --- queue.c: fetched records, their memory, and which is next */
void yt_queue_record(struct yt_engine *e, struct yt_shard *s, const struct yt_record *rec);
void yt_queue_drop(struct yt_queued *q);
void yt_queue_clear(struct yt_engine *e, struct yt_shard *s);
void yt_queue_push_back(struct yt_engine *e, struct yt_queued *q); /* to the head of its input, after an abort */
/* Wall clock: the next record of this shard, or NULL where there is none or an input is waited for; *wait_ms falls to when to look again. */
struct yt_queued *yt_queue_next(struct yt_engine *e, struct yt_shard *s, int64_t *wait_ms);
/* Event clock: the next record of the whole process. */
struct yt_queued *yt_queue_next_event(struct yt_engine *e, bool *all_at_end);
void yt_queue_end(struct yt_engine *e); /* of the engine */
void yt_queue_take(struct yt_engine *e, struct yt_queued *q);
bool yt_input_at_end(const struct yt_input *in);

/* --- assign.c: who owns what; open, restore, the recovery table, start, release */
void yt_assign_turn(struct yt_engine *e, int64_t *wait_ms);
void yt_assign_on_assigned(void *ctx, const int *shards, size_t n);
void yt_assign_on_revoked(void *ctx, bool lost);
void yt_assign_on_group(void *ctx, int shard, const struct yt_group_pos *pos);
void yt_assign_on_state(void *ctx, int shard, struct yt_str key, struct yt_str value);
void yt_assign_on_restored(void *ctx, int shard);
void yt_assign_lost(struct yt_engine *e);
void yt_assign_say_held(struct yt_engine *e, const struct yt_shard *s); /* where it is */

/* --- batch.c: decide, seal, commit, and what comes of it */
bool yt_batch_turn(struct yt_engine *e, bool more, int64_t *wait_ms); /* more: the log has records at hand that there was room for */
void yt_batch_on_outcome(void *ctx, enum yt_outcome outcome);
void yt_engine_edited(struct yt_engine *e, struct yt_entry *en);

/* --- errors.c: expressions of rules that fail */
void yt_errors_init(struct yt_engine *e);
void yt_errors_deinit(struct yt_engine *e);
void yt_errors_know(struct yt_engine *e); /* the rules are e->rules now: their expressions count from 0 on, not from their first error */
void yt_errors_settle(struct yt_engine *e, bool committed); /* what came of the batch */

/* --- show.c: the view follows */
void yt_show_turn(struct yt_engine *e, int64_t *wait_ms);
/* Redis lacks something. patient: also where Redis is away. */
bool yt_show_busy(const struct yt_engine *e, bool patient);

struct yt_shard *yt_shard_new(struct yt_engine *e, int id);
void yt_shard_free(struct yt_shard *s);
/* Frees so many of its entries at most; nothing else may be done with it any more. True: that was all, and the shard too. */
bool yt_shard_free_some(struct yt_shard *s, size_t entries);
/* Forgets everything but its number. */
void yt_shard_clear(struct yt_shard *s);

/* The shard was decided by a newer revision of the rules than ours, or by other bytes of ours: it waits, loaded and not started, for a reload
 * (RULES.md, [ruleset]). A shard that is live never comes into this: our revision only grows. */
bool yt_shard_held(const struct yt_shard *s);

/* The entry of a changelog key, or NULL; made where `make`. */
struct yt_entry *yt_shard_entry(struct yt_shard *s, int kind, struct yt_str key, bool make);
struct yt_str yt_entry_key(const struct yt_entry *en);
struct yt_str yt_entry_name(const struct yt_entry *en); /* behind the kind's prefix */
struct yt_str yt_entry_value(const struct yt_entry *en); /* the committed value behind its head; p NULL where absent */
uint64_t yt_entry_version(const struct yt_entry *en);   /* of the committed value; 0 where absent */
int64_t yt_entry_expires(const struct yt_entry *en);    /* YT_NEVER where absent */
void *yt_entry_decode(const struct yt_entry *en, struct yt_arena *a); /* the committed object; NULL where absent */

/* One record of the changelog, while restoring. False where the bytes are none of ours; why (128 bytes). */
bool yt_shard_fold(struct yt_shard *s, struct yt_str key, struct yt_str value, char why[128]);

/* The overlay. These are the core's yt_state. ctx: the shard. */
const void *yt_shard_peek(void *ctx, enum yt_kind kind, struct yt_str name);
void *yt_shard_edit(void *ctx, enum yt_kind kind, struct yt_str name);
bool yt_shard_any(void *ctx, enum yt_kind kind);
void yt_shard_remove(void *ctx, enum yt_kind kind, struct yt_str name);
/* The entry's object, as the decision that runs sees it; NULL: absent. */
const void *yt_shard_seen(struct yt_shard *s, struct yt_entry *en);
/* After each decision: the dues of what it edited. */
void yt_shard_redue(struct yt_shard *s, size_t from);
/* Who walks over `touched` and is at i: what comes soon is under way. */
static inline void yt_shard_look_ahead(const struct yt_shard *s, size_t i)
{
	enum { VALUE_AT = 3, ENTRY_AT = 6, OBJECT_BYTES = 512 };

	if (i + ENTRY_AT < s->n_touched)
		yt_entry_prefetch(s->touched[i + ENTRY_AT]);
	if (i + VALUE_AT < s->n_touched) {
		const struct yt_entry *en = s->touched[i + VALUE_AT];

		yt_prefetch_bytes(en->blob, en->blob_n);
		yt_prefetch_bytes(en->obj, en->kind == YT_KIND_MEMBER ? 4 * OBJECT_BYTES : OBJECT_BYTES);
	}
}
/* Ends a batch: the sealed values become the base, or the overlay is forgotten. */
void yt_shard_merge(struct yt_shard *s);
void yt_shard_forget(struct yt_shard *s);
/* Forgets an entry that has no value, and that nobody points to. */
void yt_shard_drop(struct yt_shard *s, struct yt_entry *en);
/* The entity expired: absent from now on, in memory and in the view. The changelog's tombstone is the caller's. */
void yt_shard_bury(struct yt_shard *s, struct yt_entry *en);
void yt_shard_view_mark(struct yt_shard *s, struct yt_entry *en, unsigned hashes);

/* named.c: yt_state, naming. ctx: the shard. */
size_t yt_shard_naming(void *ctx, enum yt_kind kind, struct yt_str member_name, struct yt_str **names);
/* A decision has edited it, and there are rows. */
void yt_named_edited(struct yt_shard *s, const struct yt_entry *en);
void yt_named_clear(struct yt_shard *s);

#endif
