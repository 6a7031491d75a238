/* Only in a build with SAN=thread: C11's threads by way of pthreads. librdkafka is built upon the former, and ThreadSanitizer of gcc 12 and clang 14
 * knows only the latter: threads that it did not see begin crash in it, and locks that it did not see order nothing. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
	thrd_start_t fn;
	void *arg;
};

static void *start(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)s.fn(s.arg);
}

static int result(int code)
{
	return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : code == EBUSY ? thrd_busy : thrd_error;
}

int thrd_create(thrd_t *t, thrd_start_t fn, void *arg)
{
	struct start *s = malloc(sizeof *s);

	if (!s)
		return thrd_nomem;
	*s = (struct start){ fn, arg };
	return result(pthread_create(t, NULL, start, s));
}

int thrd_join(thrd_t t, int *code)
{
	void *value = NULL;
	int rc = pthread_join(t, &value);

	if (code)
		*code = (int)(intptr_t)value;
	return result(rc);
}

thrd_t thrd_current(void)
{
	return pthread_self();
}

void call_once(once_flag *flag, void (*fn)(void))
{
	pthread_once(&flag->__data, fn);
}

/* glibc's mtx_t and cnd_t have room for the others. */
int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr;
	int rc;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	rc = pthread_mutex_init((pthread_mutex_t *)m, &attr);
	pthread_mutexattr_destroy(&attr);
	return result(rc);
}

int mtx_lock(mtx_t *m)
{
	return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

int mtx_unlock(mtx_t *m)
{
	return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

void mtx_destroy(mtx_t *m)
{
	pthread_mutex_destroy((pthread_mutex_t *)m);
}

int cnd_init(cnd_t *c)
{
	return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

int cnd_signal(cnd_t *c)
{
	return result(pthread_cond_signal((pthread_cond_t *)c));
}

int cnd_broadcast(cnd_t *c)
{
	return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
	return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
	return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy((pthread_cond_t *)c);
}

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t), "room for pthreads'");
