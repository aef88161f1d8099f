/* SPDX-License-Identifier: MIT */
/* What a program may ask the software GPU beyond HIP and hsakmt (docs/softgpu.md). A program that
   is linked against ROCm as well finds these with dlsym. */
#ifndef SOFTGPU_API_SOFTGPU_CONTROL_H_
#define SOFTGPU_API_SOFTGPU_CONTROL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The notifier's hooks, one per system call, ended by a null pointer. Each is a valid
   SOFTGPU_PLANT=skip_hook:<name>. Needs no device. */
const char* const* softgpu_hook_names(void);

/* "on", or why the PFN audit is off. */
const char* softgpu_audit_status(void);

/* Audits all ranges now and returns the number of pages found missed since the start. Each missed
   page is reported once, as an event line. */
uint64_t softgpu_audit_now(void);

/* How often all mappings and ranges have been looked through to know what fork will do with them.
 */
uint64_t softgpu_fork_policy_passes(void);

/* From now on every eviction is held for duration_ns in this phase: 0 none, 1 in the notifier once
   the waves stand still, 2 before pages are looked up, 3 between restore event and resume. */
void softgpu_hold(uint32_t phase, uint64_t duration_ns);

/* How long the last hold since softgpu_hold() took, in ns; 0 before there was one. */
uint64_t softgpu_last_hold_ns(void);

#ifdef __cplusplus
}
#endif

#endif /* SOFTGPU_API_SOFTGPU_CONTROL_H_ */
