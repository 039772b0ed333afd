"""One writer and three readers in processes of their own; each sees every frame."""

import multiprocessing
import os

import zerobuffer


def read(name: str, number: int) -> None:
    with zerobuffer.Reader.open(name, timeout=10) as reader:
        total = sum(len(frame) for frame in reader)
    print(f"reader {number}: {total} bytes", flush=True)


def main() -> None:
    name = f"example-{os.getpid()}"
    context = multiprocessing.get_context("spawn")  # a forked child may not use its parent's readers and writers
    with zerobuffer.Writer(name, payload_size=1 << 20, max_readers=3) as writer:
        readers = [context.Process(target=read, args=(name, number)) for number in range(3)]
        for process in readers:
            process.start()
        writer.wait_for_readers(3, timeout=30)
        for size in range(100):
            writer.write(bytes(size))
    for process in readers:
        process.join()


if __name__ == "__main__":
    main()
