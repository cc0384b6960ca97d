/* test_ctlmsg: what is taken for a request, and that an answer is JSON whatever is in it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <signal.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/ctlmsg.h"
#include "crond/core/outcome.h"

static enum ctlmsg_code code;
static struct diag diag;

static int parse(struct ctlmsg_request *r, const char *text)
{
	diag.text[0] = '\0';
	return ctlmsg_parse(r, slice_of(text), &code, &diag);
}

static void taken(void **state)
{
	struct ctlmsg_request r;

	(void)state;
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"list\"}"), 0);
	assert_int_equal(r.verb, CTLMSG_LIST);
	assert_int_equal(r.name_count, 0);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, " {\"verb\":\"list\",\"names\":[\"a*\",\"b\"],\"version\":1}\r"), 0);
	assert_int_equal(r.name_count, 2);
	assert_string_equal(r.names[0], "a*");
	assert_string_equal(r.names[1], "b");
	assert_false(r.brief);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"list\",\"brief\":true}"), 0);
	assert_true(r.brief);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"next\",\"job\":\"x\"}"), 0);
	assert_int_equal(r.count, 5);
	assert_true(r.after == INT64_MIN);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"next\",\"job\":\"x\",\"count\":1000,"
	                           "\"after\":-5}"), 0);
	assert_int_equal(r.count, 1000);
	assert_int_equal(r.after, -5);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"signal\",\"job\":\"x\",\"signal\":"
	                           "\"SIGHUP\"}"), 0);
	assert_int_equal(r.signal, SIGHUP);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"run\",\"job\":\"x\",\"wait\":true}"), 0);
	assert_true(r.wait);
	ctlmsg_free(&r);
}

#define RUNS "{\"version\":1,\"verb\":\"runs\""
#define ALERTS "{\"version\":1,\"verb\":\"alerts\""

static void taken_by_helpers(void **state)
{
	struct ctlmsg_request r;

	(void)state;
	assert_int_equal(parse(&r, RUNS "}"), 0);
	assert_true(!r.job && !r.run && !r.results && r.exit_code == -1 && r.limit == CTLMSG_LIMIT);
	assert_true(r.since == INT64_MIN && r.until == INT64_MAX && !r.with_stderr);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, RUNS ",\"job\":\"g*\",\"since\":-1,\"until\":2000000000,"
		"\"result\":[\"exit\",\"lost\",\"running\"],\"exit\":255,\"limit\":0,\"stderr\":true,"
		"\"artifacts\":true,\"run\":\"g-1-1\"}"), 0);
	assert_string_equal(r.job, "g*");
	assert_string_equal(r.run, "g-1-1");
	assert_true(r.since == -1 && r.until == 2000000000 && r.exit_code == 255 && r.limit == 0);
	assert_int_equal(r.results, 1u << RESULT_EXIT | 1u << RESULT_LOST | CTLMSG_RUNNING);
	assert_true(r.with_stderr && r.with_artifacts);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, "{\"version\":1,\"verb\":\"stats\",\"job\":\"g\"}"), 0);
	assert_int_equal(r.verb, CTLMSG_STATS);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, ALERTS "}"), 0);
	assert_int_equal(r.action, CTLMSG_ACTION_LIST);
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, ALERTS ",\"action\":\"drop\",\"ids\":[\"a\",\"b\"]}"), 0);
	assert_int_equal(r.action, CTLMSG_ACTION_DROP);
	assert_int_equal(r.name_count, 2);
	assert_string_equal(r.names[1], "b");
	ctlmsg_free(&r);
	assert_int_equal(parse(&r, ALERTS ",\"action\":\"retry\",\"all\":true}"), 0);
	assert_true(r.all && r.action == CTLMSG_ACTION_RETRY);
	ctlmsg_free(&r);
}

/* Each is asked where it is known, and nowhere else. */
static void asked_at_its_socket(void **state)
{
	struct ctlmsg_request r;
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(ctlmsg_asked(&r, slice_of(RUNS "}"), CTLMSG_OF_HISTORY, &out), 0);
	assert_int_equal(out.len, 0);
	ctlmsg_free(&r);
	assert_int_equal(ctlmsg_asked(&r, slice_of(RUNS "}"), CTLMSG_OF_CONTROL, &out), -1);
	assert_non_null(strstr(buf_text(&out), "runs is asked at history.sock, not at control.sock"));
	assert_null(r.json);
	buf_clear(&out);
	assert_int_equal(ctlmsg_asked(&r, slice_of(ALERTS ",\"x\":1}"), CTLMSG_OF_ALERTS, &out), -1);
	assert_non_null(strstr(buf_text(&out), "\"ok\":false"));
	buf_clear(&out);
	ctlmsg_refuse(&out, CLIENTS_TOO_MANY);
	assert_non_null(strstr(buf_text(&out), "\"busy\""));
	buf_clear(&out);
	ctlmsg_refuse(&out, CLIENTS_TOO_LONG);
	assert_non_null(strstr(buf_text(&out), "longer than 65536 bytes"));
	buf_free(&out);
	for (enum ctlmsg_verb v = 0; v < CTLMSG_VERBS; v++)
		assert_non_null(strstr(ctlmsg_socket_name(ctlmsg_verb_socket(v)), ".sock"));
}

/* What is wrong with it must be said, by a code and in words. */
static void refused(void **state)
{
	static const struct {
		const char *text, *says;
		enum ctlmsg_code code;
	} bad[] = {
		{ "", "bad request", CTLMSG_BAD_REQUEST },
		{ "hello", "bad request", CTLMSG_BAD_REQUEST },
		{ "[]", "an object is wanted", CTLMSG_BAD_REQUEST },
		{ "{}", "\"version\" must be a number: 1", CTLMSG_BAD_VERSION },
		{ "{\"version\":2,\"verb\":\"list\"}", "version 2 is not spoken here: 1 is",
		        CTLMSG_BAD_VERSION },
		{ "{\"version\":\"1\",\"verb\":\"list\"}", "must be a number", CTLMSG_BAD_VERSION },
		{ "{\"version\":1.0,\"verb\":\"list\"}", "must be a number", CTLMSG_BAD_VERSION },
		{ "{\"version\":1}", "\"verb\" is missing", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":7}", "\"verb\" is missing, or is no text",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"lisst\"}", "unknown verb \"lisst\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"list\",\"job\":\"x\"}", "list takes no \"job\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"list\",\"nmaes\":[]}", "takes no \"nmaes\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"list\",\"names\":\"a\"}", "bad \"names\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"list\",\"names\":[1]}", "bad \"names\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"show\"}", "show needs a \"job\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"show\",\"job\":\"\"}", "bad \"job\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"show\",\"job\":\"a\",\"job\":\"b\"}", "bad request",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"show\",\"job\":\"a\\u0000b\"}", "bad request",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"show\",\"job\":\"\xff\"}", "bad request",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"next\",\"job\":\"a\",\"count\":1001}", "bad \"count\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"next\",\"job\":\"a\",\"count\":-1}", "bad \"count\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"next\",\"job\":\"a\",\"count\":99999999999999999999}",
		        "bad request", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"next\",\"job\":\"a\",\"after\":1e300}", "bad \"after\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"signal\",\"job\":\"a\"}", "signal needs a \"signal\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"signal\",\"job\":\"a\",\"signal\":\"65\"}",
		        "bad \"signal\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"signal\",\"job\":\"a\",\"signal\":\"0\"}",
		        "bad \"signal\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"run\",\"job\":\"a\",\"wait\":1}", "bad \"wait\"",
		        CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"list\"} {}", "bad request", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"result\":\"ok\"}", "bad \"result\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"result\":[]}", "bad \"result\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"result\":[\"okay\"]}", "bad \"result\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"result\":[1]}", "bad \"result\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"exit\":256}", "bad \"exit\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"limit\":-1}", "bad \"limit\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"since\":\"2h\"}", "bad \"since\"", CTLMSG_BAD_REQUEST },
		{ RUNS ",\"run\":\"\"}", "bad \"run\"", CTLMSG_BAD_REQUEST },
		{ "{\"version\":1,\"verb\":\"stats\",\"limit\":1}", "stats takes no \"limit\"",
			CTLMSG_BAD_REQUEST },
		{ ALERTS ",\"action\":\"send\"}", "bad \"action\"", CTLMSG_BAD_REQUEST },
		{ ALERTS ",\"action\":\"drop\"}", "drop needs \"ids\" or \"all\"", CTLMSG_BAD_REQUEST },
		{ ALERTS ",\"action\":\"drop\",\"ids\":[\"a\"],\"all\":true}", "drop needs",
			CTLMSG_BAD_REQUEST },
	};
	struct ctlmsg_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(&r, bad[i].text) == 0)
			fail_msg("taken: %s", bad[i].text);
		if (!strstr(diag.text, bad[i].says) || code != bad[i].code)
			fail_msg("%s: %s (%s)", bad[i].text, diag.text, ctlmsg_code_name(code));
	}
}

static void bounds(void **state)
{
	struct ctlmsg_request r;
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < CTLMSG_REQUEST_MOST; i++)
		buf_putc(&b, '[');
	assert_int_equal(ctlmsg_parse(&r, (struct slice){ b.data, b.len }, &code, &diag), -1);
	buf_putc(&b, '[');
	assert_int_equal(ctlmsg_parse(&r, (struct slice){ b.data, b.len }, &code, &diag), -1);
	assert_non_null(strstr(diag.text, "longer than 65536"));
	buf_clear(&b);
	buf_puts(&b, "{\"version\":1,\"verb\":\"list\",\"names\":[\"a\"");
	for (size_t i = 1; i < CTLMSG_NAMES_MOST; i++)
		buf_puts(&b, ",\"a\"");
	buf_puts(&b, "]}");
	assert_int_equal(parse(&r, buf_text(&b)), 0);
	assert_int_equal(r.name_count, CTLMSG_NAMES_MOST);
	ctlmsg_free(&r);
	b.len -= 2;
	buf_puts(&b, ",\"b\"]}");
	assert_int_equal(parse(&r, buf_text(&b)), -1);
	buf_clear(&b);
	buf_printf(&b, "{\"version\":1,\"verb\":\"list\",\"names\":[\"%0*d\"]}", CTLMSG_NAME_MOST, 1);
	assert_int_equal(parse(&r, buf_text(&b)), 0);
	ctlmsg_free(&r);
	buf_clear(&b);
	buf_printf(&b, "{\"version\":1,\"verb\":\"list\",\"names\":[\"%0*d\"]}", CTLMSG_NAME_MOST + 1, 1);
	assert_int_equal(parse(&r, buf_text(&b)), -1);
	buf_clear(&b);
	buf_printf(&b, RUNS ",\"job\":\"%0*d\"}", CTLMSG_NAME_MOST + 1, 1);
	assert_int_equal(parse(&r, buf_text(&b)), -1);
	assert_non_null(strstr(diag.text, "longer than 200"));
	buf_free(&b);
}

static void signals(void **state)
{
	(void)state;
	assert_int_equal(ctlmsg_signal(slice_of("TERM")), SIGTERM);
	assert_int_equal(ctlmsg_signal(slice_of("SIGKILL")), SIGKILL);
	assert_int_equal(ctlmsg_signal(slice_of("10")), 10);
	assert_int_equal(ctlmsg_signal(slice_of("64")), 64);
	assert_int_equal(ctlmsg_signal(slice_of("SIG")), 0);
	assert_int_equal(ctlmsg_signal(slice_of("?")), 0);
	assert_int_equal(ctlmsg_signal(slice_of("")), 0);
	assert_int_equal(ctlmsg_signal(slice_of("-1")), 0);
	assert_int_equal(ctlmsg_signal(slice_of("term")), 0);
}

static void patterns(void **state)
{
	char name[97], pattern[97];

	(void)state;
	assert_true(ctlmsg_match("gold", "gold"));
	assert_false(ctlmsg_match("gold", "golden"));
	assert_false(ctlmsg_match("golden", "gold"));
	assert_true(ctlmsg_match("*", ""));
	assert_true(ctlmsg_match("g*", "gold"));
	assert_true(ctlmsg_match("*d", "gold"));
	assert_true(ctlmsg_match("g?ld*", "gold"));
	assert_true(ctlmsg_match("*l*d", "gold-old"));
	assert_false(ctlmsg_match("g?ld?", "gold"));
	assert_false(ctlmsg_match("", "x"));
	/* one that takes for ever where each star is gone back to */
	memset(name, 'a', 96);
	for (int i = 0; i < 96; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[95] = 'b';
	name[96] = pattern[96] = '\0';
	assert_false(ctlmsg_match(pattern, name));
}

/* Whatever a name or a command holds, a line of an answer is one line of JSON. */
static void answers(void **state)
{
	static const char *const list[] = { "a", "\"\\\n", NULL };
	struct buf b = { 0 };
	json_t *o;

	(void)state;
	ctlmsg_open(&b);
	ctlmsg_text(&b, "plain", "echo hi");
	ctlmsg_text(&b, "none", NULL);
	ctlmsg_text(&b, "hard", "a\"b\\c\n\t\033[1m\x7f\xff\xc3\xa4\xc2\x9b\xe2\x82");
	ctlmsg_number(&b, "least", INT64_MIN);
	ctlmsg_bool(&b, "no", false);
	ctlmsg_list(&b, "list", list);
	ctlmsg_close(&b);
	assert_non_null(buf_text(&b));
	assert_ptr_equal(strchr(b.data, '\n'), b.data + b.len - 1);
	for (size_t i = 0; i + 1 < b.len; i++)
		assert_true((unsigned char)b.data[i] >= 0x20 && (unsigned char)b.data[i] != 0x7f);
	assert_null(strstr(b.data, "\xc2\x9b"));
	o = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "plain")), "echo hi");
	assert_null(json_object_get(o, "none"));
	assert_string_equal(json_string_value(json_object_get(o, "hard")),
	        "a\"b\\c\n\t\033[1m\x7f\xef\xbf\xbd\xc3\xa4\xc2\x9b\xef\xbf\xbd\xef\xbf\xbd");
	assert_true(json_integer_value(json_object_get(o, "least")) == INT64_MIN);
	assert_true(json_is_false(json_object_get(o, "no")));
	assert_int_equal(json_array_size(json_object_get(o, "list")), 2);
	json_decref(o);
	buf_clear(&b);
	ctlmsg_error(&b, CTLMSG_DENIED, "no");
	assert_string_equal(buf_text(&b),
	        "{\"version\":1,\"end\":true,\"ok\":false,\"code\":\"denied\",\"error\":\"no\"}\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken), cmocka_unit_test(taken_by_helpers),
		cmocka_unit_test(asked_at_its_socket), cmocka_unit_test(refused), cmocka_unit_test(bounds),
		cmocka_unit_test(signals), cmocka_unit_test(patterns), cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
