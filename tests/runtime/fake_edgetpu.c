/* Stands in for libedgetpu, built by the tests with -DKIND=…: the entry points of TFLite's external delegates, and a
 * delegate that takes no operator, so that a network runs on the CPU. There is no Edge TPU behind it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKS, REFUSES, CRASHES, HANGS, CRASHES_LATER };

struct delegate { /* TfLiteDelegate of TensorFlow's common.h */
  void *data;
  int (*prepare)(void *context, struct delegate *self);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque;
};

static int prepare(void *context, struct delegate *self) {
  (void)context, (void)self;
  if (KIND == CRASHES_LATER) *(volatile int *)8 = 1;
  return 0;
}

void *tflite_plugin_create_delegate(char **keys, char **values, size_t n, void (*report)(const char *)) {
  (void)keys, (void)values, (void)n, (void)report;
  if (KIND == REFUSES) return NULL;
  if (KIND == CRASHES) *(volatile int *)8 = 1;
  while (KIND == HANGS) sleep(1);
  struct delegate *made = calloc(1, sizeof *made);
  made->prepare = prepare;
  return made;
}

void tflite_plugin_destroy_delegate(void *delegate) { free(delegate); }
