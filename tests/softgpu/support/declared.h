/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SOFTGPU_SUPPORT_DECLARED_H_
#define TESTS_SOFTGPU_SUPPORT_DECLARED_H_

#ifdef __cplusplus
extern "C" {
#endif

struct declared_function {
  const char* name;
  const void* address; /* null: not there */
};

/* Ended by a null name. */
extern const struct declared_function softgpu_declared_functions[];

#ifdef __cplusplus
}
#endif

#endif /* TESTS_SOFTGPU_SUPPORT_DECLARED_H_ */
