/* Where a member is: chat groups, and the shop's personal accounts (contacts). Every coming and going is a fact of its own instant; they may
 * become known in any order, and the same set of facts always gives the same answer. */
#ifndef YT_CORE_PLACE_H
#define YT_CORE_PLACE_H

#include "yutang/core/list.h"

enum {
	YT_GROUPS_MAX = 256,       /* groups a member; DESIGN 4 */
	YT_ACCOUNTS_MAX = 64,      /* accounts a member; DESIGN 4 */
	YT_GROUP_MOVES_MAX = 1024, /* joins and leaves a member, all groups together: with 8 bytes each they stay below 1/32 of the entity */
	YT_ACCOUNT_MOVES_MAX = 256,
};

struct yt_move {
	int64_t at;    /* joined_at, left_at, added_at, removed_at */
	bool in;       /* came, else went */
	uint16_t hash; /* of the fact's content */
};

struct yt_place {
	struct yt_str id; /* group or account */
	struct yt_move *moves; /* by instant; of one instant the coming first: who came and went within a tick is gone */
	uint32_t n, cap;
};

struct yt_places {
	struct yt_place *v;
	uint32_t n, cap;
	uint32_t n_moves;
	int64_t dropped_to; /* instant of the newest move that had to go, 0: none; what is not newer can't be told from a repetition */
};

struct yt_place *yt_places_find(const struct yt_places *p, struct yt_str id);
/* The same fact, or NULL. */
const struct yt_move *yt_place_known(const struct yt_place *place, int64_t at, bool in);
/* A fact of the other kind and a later instant is known: the event changes nothing any more. */
bool yt_place_superseded(const struct yt_place *place, int64_t at, bool in);

/* Folds a fact that is not known yet. moves_max: when it is passed, the oldest move that is neither the last coming nor the last going of
 * its place is forgotten. id is copied. */
void yt_places_add(struct yt_places *p, struct yt_arena *a, struct yt_str id, struct yt_move move, uint32_t moves_max);

/* The last coming that is known, 0: none. */
int64_t yt_place_came(const struct yt_place *place);
bool yt_place_stands(const struct yt_place *place);
uint32_t yt_places_standing(const struct yt_places *p);
/* The place that stands for longest: by the first coming after the last going, then by id. NULL: none stands. */
const struct yt_place *yt_places_oldest(const struct yt_places *p);

/* The places where the member does not stand go. False: there are none. */
bool yt_places_shed(struct yt_places *p);

void yt_places_encode(const struct yt_places *p, struct yt_buf *out);
void yt_places_decode(struct yt_places *p, struct yt_arena *a, struct yt_rd *r);

#endif
