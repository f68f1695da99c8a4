# What the probe runs instead of a firmware: a whole guest in a page. It takes the way of every 64-bit system (real mode,
# protected mode, paging, long mode), waits for the timer's interrupts, computes, and ends QEMU with a code of its own.
# GNU as: as --64 payload.s -o payload.o && ld -Ttext=0xfffff000 --oformat binary payload.o -o payload.bin
# The result is the last page of a 64 KiB firmware image; it is committed in payload.ts.

.set ticks_wanted, 20
.set exit_port, 0xf4
.set good, 0x10
.set bad, 0x11

.text
.globl _start
.code16
_start:
real:
    cli
    cs lgdtl (gdt_pointer - 0xffff0000)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $8, $protected

.code32
protected:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7000, %esp

    # Page tables at 64 KiB: the first 4 GiB as they are, in pages of 2 MiB.
    cld
    xorl %eax, %eax
    movl $0x10000, %edi
    movl $(6 * 1024), %ecx
    rep stosl
    movl $0x11003, 0x10000
    movl $0x12003, 0x11000
    movl $0x13003, 0x11008
    movl $0x14003, 0x11010
    movl $0x15003, 0x11018
    movl $0x12000, %edi
    movl $0x83, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b

    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $0x10000, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmpl $24, $long

.code64
long:
    # An interrupt table at 128 KiB with one gate, for the timer at vector 0x20.
    movl $0x20000, %edi
    xorl %eax, %eax
    movl $1024, %ecx
    rep stosl
    movl $tick, %eax
    movl $0x20200, %edi
    movw %ax, (%rdi)
    movw $24, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    shrl $16, %eax
    movw %ax, 6(%rdi)
    movl $interrupt_pointer, %eax
    lidt (%rax)

    # The processor's own controller, by memory: on, and the old controllers let through.
    movl $0xfee00000, %esi
    movl $0x1ff, 0xf0(%rsi)
    movl $0x700, 0x350(%rsi)

    # The old controllers: vectors from 0x20, the timer alone; the timer a thousand times a second.
    movb $0x11, %al
    outb %al, $0x20
    movb $0x20, %al
    outb %al, $0x21
    movb $0x04, %al
    outb %al, $0x21
    movb $0x01, %al
    outb %al, $0x21
    movb $0xfe, %al
    outb %al, $0x21
    movb $0xff, %al
    outb %al, $0xa1
    movb $0x34, %al
    outb %al, $0x43
    movb $0xa9, %al
    outb %al, $0x40
    movb $0x04, %al
    outb %al, $0x40

    xorl %ebx, %ebx
    sti
2:  hlt
    cmpl $ticks_wanted, %ebx
    jb 2b
    cli

    # Thirty-two times through a mebibyte of memory with a sequence whose end is known.
    movl $1, %eax
    movl $32, %edx
3:  movl $0x100000, %edi
    movl $0x40000, %ecx
4:  imull $1664525, %eax, %eax
    addl $1013904223, %eax
    xorl %eax, (%rdi)
    addq $4, %rdi
    decl %ecx
    jnz 4b
    decl %edx
    jnz 3b
    movb $bad, %bl
    cmpl $0x34800001, %eax
    jne 5f
    movb $good, %bl
5:  movb %bl, %al
    outb %al, $exit_port
6:  hlt
    jmp 6b

tick:
    pushq %rax
    incl %ebx
    movb $0x20, %al
    outb %al, $0x20
    popq %rax
    iretq

.balign 8, 0
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00af9b000000ffff
gdt_pointer:
    .word 31
    .long gdt
interrupt_pointer:
    .word 4095
    .quad 0x20000

# The processor starts here.
.org 0xff0
.code16
    jmp real
.org 0x1000
