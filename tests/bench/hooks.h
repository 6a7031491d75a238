/* The orders that the intake's benchmark sends, as Shopify writes them, of 2 to 3 KiB: 1 to 3 lines, prices in two currencies, addresses, notes. What an
 * order holds follows from its number. Knows docs/connect.md and nothing of the daemon. */
#ifndef YT_BENCH_HOOKS_H
#define YT_BENCH_HOOKS_H

#include "workload.h"

#define HOOKS_SECRET "the signing key of the benchmark's shop, of 64 hex digits or so"
#define HOOKS_ID INT64_C(820982000000) /* of order 0 */

enum { HOOKS_BODY_MAX = 4096, HOOKS_MEMBERS = 100000 };

static inline int hooks_line(char *out, size_t size, uint32_t order, int k)
{
	uint32_t product = (order * 7u + (uint32_t)k * 13u) % 900 + 100;

	return snprintf(out, size,
	                "%s{\"id\":%" PRId64 ",\"admin_graphql_api_id\":\"gid://shopify/LineItem/%" PRId64 "\",\"current_quantity\":1,\"fulfillable_quantity\":1,"
	                "\"fulfillment_service\":\"manual\",\"fulfillment_status\":null,\"gift_card\":false,\"grams\":567,\"name\":\"花生油 %" PRIu32 "\",\"price\":\"%" PRIu32
	                ".90\",\"price_set\":{\"shop_money\":{\"amount\":\"%" PRIu32 ".90\",\"currency_code\":\"CNY\"},\"presentment_money\":{\"amount\":\"%" PRIu32
	                ".90\",\"currency_code\":\"CNY\"}},\"product_exists\":true,\"product_id\":632910%" PRIu32 ",\"quantity\":%d,\"requires_shipping\":true,"
	                "\"sku\":\"oil-%" PRIu32 "\",\"taxable\":true,\"title\":\"花生油\",\"total_discount\":\"5.00\",\"variant_id\":808950%" PRIu32 ",\"vendor\":null}",
	                k ? "," : "", HOOKS_ID * 10 + order * INT64_C(10) + k, HOOKS_ID * 10 + order * INT64_C(10) + k, product, product, product, product, product,
	                k + 1, product, product);
}

/* Its length. */
static inline size_t hooks_body(uint32_t order, char out[HOOKS_BODY_MAX])
{
	uint32_t member = order * UINT32_C(2654435761) % HOOKS_MEMBERS;
	int64_t id = HOOKS_ID + order;
	int n = snprintf(out, HOOKS_BODY_MAX,
	                 "{\"id\":%" PRId64 ",\"admin_graphql_api_id\":\"gid://shopify/Order/%" PRId64 "\",\"app_id\":580111,\"browser_ip\":\"203.0.113.7\","
	                 "\"buyer_accepts_marketing\":true,\"cancel_reason\":null,\"cancelled_at\":null,\"cart_token\":\"68778783ad298f1c80c3bafcddeea02f\","
	                 "\"confirmed\":true,\"contact_email\":\"buyer%" PRIu32 "@example.com\",\"created_at\":\"2025-08-01T17:59:57+08:00\",\"currency\":\"CNY\","
	                 "\"current_total_price\":\"395.90\",\"discount_codes\":[{\"code\":\"SPRING30\",\"amount\":\"5.00\",\"type\":\"fixed_amount\"}],"
	                 "\"email\":\"buyer%" PRIu32 "@example.com\",\"financial_status\":\"paid\",\"fulfillment_status\":null,\"landing_site\":\"https://shop.example.com\","
	                 "\"name\":\"#%" PRIu32 "\",\"note\":\"请放门口\",\"note_attributes\":[{\"name\":\"yutang_channel\",\"value\":\"live\"}],\"number\":%" PRIu32
	                 ",\"order_number\":%" PRIu32 ",\"phone\":\"+86139%08" PRIu32 "\",\"processed_at\":\"2025-08-01T18:00:00+08:00\",\"source_name\":\"web\","
	                 "\"subtotal_price\":\"395.90\",\"tags\":\"\",\"test\":false,\"total_discounts\":\"5.00\",\"total_price\":\"395.90\",\"total_tax\":\"0.00\","
	                 "\"total_weight\":567,\"updated_at\":\"2025-08-01T18:00:01+08:00\",\"customer\":{\"id\":%" PRIu32 ",\"email\":\"buyer%" PRIu32
	                 "@example.com\",\"first_name\":\"小明\",\"last_name\":\"王\",\"state\":\"enabled\",\"verified_email\":true,\"phone\":\"+86139%08" PRIu32
	                 "\"},\"billing_address\":{\"first_name\":\"小明\",\"last_name\":\"王\",\"address1\":\"南京东路 %" PRIu32 " 号\",\"city\":\"上海\","
	                 "\"zip\":\"200001\",\"province\":\"上海\",\"country_code\":\"CN\",\"phone\":null},\"shipping_address\":{\"first_name\":\"小明\","
	                 "\"last_name\":\"王\",\"address1\":\"南京东路 %" PRIu32 " 号\",\"address2\":\"3 楼\",\"city\":\"上海\",\"zip\":\"200001\",\"province\":\"上海\","
	                 "\"country_code\":\"CN\",\"phone\":null},\"line_items\":[",
	                 id, id, member, member, order, order, order, member, member + 100000, member, member, member, member);

	for (int k = 0; k <= (int)(order % 3); k++)
		n += hooks_line(out + n, (size_t)(HOOKS_BODY_MAX - n), order, k);
	n += snprintf(out + n, (size_t)(HOOKS_BODY_MAX - n), "],\"refunds\":[],\"shipping_lines\":[]}");
	if (n >= HOOKS_BODY_MAX)
		wl_die("an order that is too long");
	return (size_t)n;
}

#endif
