/* A unit test is a program: test functions, and TEST_MAIN that runs them.
 *
 *     TEST(arena_alloc_is_aligned) { CHECK(...); CHECK_INT(got, expected); }
 *     TEST_MAIN { RUN(arena_alloc_is_aligned); }
 *
 * Each test prints one line, `ok NAME` or `not ok NAME: FILE:LINE: why`. The first failed check ends its test, also
 * from within a helper function of whatever type. The program's exit code is 1 when a test failed. An argument runs
 * only the tests whose name contains it. One translation unit, one thread: a check on another thread is a bug.
 */
#ifndef YT_TEST_H
#define YT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <time.h>

static struct {
    const char *filter;
    const char *name;
    jmp_buf out;
    int run, failed;
} yt_test;

#define TEST(fn) static void fn(void)
#define RUN(fn) yt_test_run(#fn, fn)
#define TEST_MAIN                                                                                                      \
    static void yt_test_all(void);                                                                                     \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return yt_test_main(argc, argv, yt_test_all);                                                                  \
    }                                                                                                                  \
    static void yt_test_all(void)

#define CHECK(cond) ((cond) ? (void)0 : yt_test_fail(__FILE__, __LINE__, "%s", #cond))
#define CHECK_MSG(cond, ...) ((cond) ? (void)0 : yt_test_fail(__FILE__, __LINE__, __VA_ARGS__))
#define CHECK_INT(got, want) yt_test_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define CHECK_STR(got, want) yt_test_str(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_MEM(got, want, size) yt_test_mem(__FILE__, __LINE__, #got, (got), (want), (size))

/* For deadlines. */
__attribute__((unused)) static int64_t yt_test_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Ends the test that runs. The text goes on one line, whatever it holds. */
__attribute__((unused, noreturn, format(printf, 3, 4))) static void yt_test_fail(const char *file, int line,
                                                                                 const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    printf("not ok %s: %s:%d: %s\n", yt_test.name, file, line, text);
    longjmp(yt_test.out, 1);
}

__attribute__((unused)) static void yt_test_int(const char *file, int line, const char *what, long long got,
                                                long long want)
{
    if (got != want)
        yt_test_fail(file, line, "%s is %lld, expected %lld", what, got, want);
}

__attribute__((unused)) static void yt_test_str(const char *file, int line, const char *what, const char *got,
                                                const char *want)
{
    if (got == want || (got && want && strcmp(got, want) == 0))
        return;
    yt_test_fail(file, line, "%s is \"%s\", expected \"%s\"", what, got ? got : "(null)", want ? want : "(null)");
}

__attribute__((unused)) static void yt_test_mem(const char *file, int line, const char *what, const void *got,
                                                const void *want, size_t size)
{
    const unsigned char *g = got, *w = want;

    for (size_t i = 0; i < size; i++)
        if (g[i] != w[i])
            yt_test_fail(file, line, "%s differs at byte %zu of %zu: 0x%02x, expected 0x%02x", what, i, size, g[i],
                         w[i]);
}

static void yt_test_run(const char *name, void (*fn)(void))
{
    if (yt_test.filter && !strstr(name, yt_test.filter))
        return;
    yt_test.name = name;
    yt_test.run++;
    if (setjmp(yt_test.out)) {
        yt_test.failed++;
        return;
    }
    fn();
    printf("ok %s\n", name);
}

static int yt_test_main(int argc, char **argv, void (*all)(void))
{
    /* A crash must not take the lines before it along. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    yt_test.filter = argc > 1 ? argv[1] : NULL;
    all();
    if (yt_test.run == 0)
        printf("not ok main: no test has \"%s\" in its name\n", yt_test.filter ? yt_test.filter : "");
    return yt_test.failed || yt_test.run == 0;
}

#endif
