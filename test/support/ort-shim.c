/*
 * Stands between the device and ONNX Runtime where there is no GPU: forwards the C API to the real library, answers the TensorRT
 * and CUDA calls itself, and lets sessions run on the processor.
 *
 * SHIM_REAL     the real libonnxruntime
 * SHIM_LOG      file to which every call that matters is appended, a line each
 * SHIM_FAIL     words: "trt-library", "cuda-library" (provider library missing), "trt-session", "cuda-session" (out of memory)
 * SHIM_MISSING  "trt": the table has no TensorRT functions
 * SHIM_VERSION  version to claim; below 1.17 the table of API 17 is refused
 * SHIM_BUILD_MS how long an engine takes to build
 *
 * An engine is a file "shim.engine" that says what built it; one that says anything else is refused, as TensorRT refuses an engine of another version.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACES = 280, MAX_OPTIONS = 64, ENGINE = 64 };
static const char ENGINE_TEXT[] = "engine of the shim";

typedef void Status;
typedef struct {
  const char *kind;
  int count;
  char *keys[MAX_OPTIONS];
  char *values[MAX_OPTIONS];
} Provider;

/* Providers appended to session options; few live at a time. */
static struct { const void *options; Provider *provider; } appended[64];
static void *table[PLACES];
static void **real;

static void record(const char *format, ...) {
  const char *path = getenv("SHIM_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file) return;
  va_list arguments;
  va_start(arguments, format);
  vfprintf(file, format, arguments);
  va_end(arguments);
  fputc('\n', file);
  fclose(file);
}

static int asked(const char *variable, const char *word) {
  const char *value = getenv(variable);
  return value && strstr(value, word);
}

static Status *failure(const char *message) {
  return ((Status * (*)(int, const char *)) real[0])(1, message);
}

static Status *create(const char *kind, Provider **out) {
  *out = calloc(1, sizeof(Provider));
  (*out)->kind = kind;
  return NULL;
}
static Status *create_trt(Provider **out) { return create("tensorrt", out); }
static Status *create_cuda(Provider **out) { return create("cuda", out); }

static Status *update(Provider *provider, const char *const *keys, const char *const *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (strstr(keys[i], "unknown")) return failure("unknown provider option");
    provider->keys[provider->count] = strdup(keys[i]);
    provider->values[provider->count++] = strdup(values[i]);
    record("%s %s=%s", provider->kind, keys[i], values[i]);
  }
  return NULL;
}

/* Kept: session options refer to it until the process ends. */
static void release(Provider *provider) { (void)provider; }

static Status *append(const void *options, Provider *provider) {
  char word[32];
  snprintf(word, sizeof word, "%s-library", strcmp(provider->kind, "cuda") ? "trt" : "cuda");
  if (asked("SHIM_FAIL", word)) return failure("Failed to load library libonnxruntime_providers: cannot open shared object file");
  record("append %s", provider->kind);
  for (int i = 0; i < 64; i++) {
    if (appended[i].options) continue;
    appended[i].options = options;
    appended[i].provider = provider;
    return NULL;
  }
  return failure("the shim is full");
}

static const char *option(const Provider *provider, const char *key) {
  for (int i = 0; i < provider->count; i++) if (!strcmp(provider->keys[i], key)) return provider->values[i];
  return "";
}

static Status *build(const Provider *provider) {
  if (strcmp(option(provider, "trt_engine_cache_enable"), "1")) {
    record("engine built, not kept");
    return NULL;
  }
  char path[4096], found[ENGINE] = "";
  snprintf(path, sizeof path, "%s/shim.engine", option(provider, "trt_engine_cache_path"));
  FILE *file = fopen(path, "r");
  if (file) {
    found[fread(found, 1, ENGINE - 1, file)] = 0;
    fclose(file);
    if (strcmp(found, ENGINE_TEXT)) return failure("TensorRT EP failed to deserialize the engine: incompatible version");
    record("engine loaded");
    return NULL;
  }
  usleep(1000 * atoi(getenv("SHIM_BUILD_MS") ? getenv("SHIM_BUILD_MS") : "0"));
  file = fopen(path, "w");
  if (file) {
    fputs(ENGINE_TEXT, file);
    fclose(file);
  }
  record("engine built");
  return NULL;
}

static Status *prepare(const void *options) {
  Status *status = NULL;
  for (int i = 0; i < 64; i++) {
    if (appended[i].options != options) continue;
    const Provider *provider = appended[i].provider;
    int trt = strcmp(provider->kind, "cuda") != 0;
    if (asked("SHIM_FAIL", trt ? "trt-session" : "cuda-session")) status = failure("CUDA failure 2: out of memory");
    if (trt && !status) status = build(provider);
    appended[i].options = NULL;
  }
  return status;
}

static Status *create_session(void *env, const char *path, void *options, void *out) {
  Status *status = prepare(options);
  return status ? status : ((Status * (*)(void *, const char *, void *, void *)) real[7])(env, path, options, out);
}

static Status *create_session_from_array(void *env, const void *data, size_t length, void *options, void *out) {
  Status *status = prepare(options);
  return status ? status
                : ((Status * (*)(void *, const void *, size_t, void *, void *)) real[8])(env, data, length, options, out);
}

/* GPU memory and page-locked memory are ordinary memory here. */
static Status *create_memory_info(const char *name, int allocator, int id, int type, void *out) {
  record("memory %s", name);
  if (!strncmp(name, "Cuda", 4)) return ((Status * (*)(int, int, void *)) real[69])(allocator, 0, out);
  return ((Status * (*)(const char *, int, int, int, void *)) real[68])(name, allocator, id, type, out);
}

static char *providers[] = {"TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"};
static Status *available(char ***out, int *count) {
  *out = providers;
  *count = 3;
  return NULL;
}
static Status *release_available(char **names, int count) {
  (void)names, (void)count;
  return NULL;
}

static Status *add_config(void *options, const char *key, const char *value) {
  record("session %s=%s", key, value);
  /* Everything runs on the processor here: forbidding that would forbid everything. */
  if (!strcmp(key, "session.disable_cpu_ep_fallback")) return NULL;
  return ((Status * (*)(void *, const char *, const char *)) real[130])(options, key, value);
}

static const char *version(void) { return getenv("SHIM_VERSION") ? getenv("SHIM_VERSION") : "1.30.0"; }

typedef struct {
  const void *(*get_api)(uint32_t);
  const char *(*get_version)(void);
} Base;

static const void *get_api(uint32_t asked_version) {
  int minor = 0;
  sscanf(version(), "1.%d", &minor);
  if ((int)asked_version > minor) return NULL;
  void *library = dlopen(getenv("SHIM_REAL"), RTLD_NOW | RTLD_LOCAL);
  if (!library) return NULL;
  const Base *base = ((const Base *(*)(void))dlsym(library, "OrtGetApiBase"))();
  real = (void **)base->get_api(asked_version);
  memcpy(table, real, sizeof table);
  table[7] = create_session;
  table[8] = create_session_from_array;
  table[68] = create_memory_info;
  table[125] = available;
  table[126] = release_available;
  table[130] = add_config;
  int trt = !asked("SHIM_MISSING", "trt");
  table[170] = trt ? append : NULL;
  table[171] = trt ? create_trt : NULL;
  table[172] = trt ? update : NULL;
  table[174] = trt ? release : NULL;
  table[204] = append;
  table[205] = create_cuda;
  table[206] = update;
  table[208] = release;
  return table;
}

__attribute__((visibility("default"))) const Base *OrtGetApiBase(void) {
  static const Base base = {get_api, version};
  return &base;
}
