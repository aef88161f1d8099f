// SPDX-License-Identifier: MIT
// Head of a guest image: header, first instructions, one stub for each exception.
#define KVM_IMAGE_MAGIC 0x4547414D494D564B
#define EXCEPTION_PORT 0x20  // guest_layout.hpp, kExceptionPort
#define EXCEPTIONS 32

        .section .header, "a"
        .quad KVM_IMAGE_MAGIC
        .quad start
        .quad exceptions
        .quad kernels_begin
        .quad kernels_end
        .quad fences_begin
        .quad fences_end

        .section .text.start, "ax"
        .globl  start
start:
        call    *%rax
        hlt

// The host serves the exception and puts the registers back from the frame on the stack: a host
// that emulates the guest has no iretq.
        .balign 4
exceptions:
        vector = 0
        .rept EXCEPTIONS
        outb    %al, $(EXCEPTION_PORT + vector)
        hlt
        .balign 4
        vector = vector + 1
        .endr

        .section .note.GNU-stack, "", @progbits
