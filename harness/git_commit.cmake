# SPDX-License-Identifier: MIT
# cmake -DSOURCE=<tree> -DOUTPUT=<header> -P git_commit.cmake: writes the header when it changed.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit "")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define NOTIFIER_GIT_COMMIT \"${commit}\"\n")
