"""Two streams in one event loop: a sensor every 10 ms and a camera, read by two tasks without a thread that waits."""

import asyncio
import os

import numpy as np

import zerobuffer


async def sense(name: str) -> None:
    with zerobuffer.Writer.open(name, timeout=0) as writer:
        for value in range(5):
            await asyncio.sleep(0.01)
            await writer.write_async(value.to_bytes(4, "little"))


async def film(name: str) -> None:
    with zerobuffer.Writer.open(name, timeout=0) as writer:
        for number in range(3):
            async with writer.claim_array_async((480, 640), "uint8") as image:  # waits for room, not in the loop's way
                image[:] = number


async def watch(reader: zerobuffer.Reader) -> int:
    count = 0
    async for frame in reader:  # ends when the writer closes
        with frame:  # gives the room back at once
            if frame.size == 4:
                print("sensor:", int.from_bytes(frame.data, "little"))
            else:
                print("camera:", float(np.mean(frame.as_array())))
        count += 1
    return count


async def main() -> None:
    names = [f"example-{os.getpid()}-{what}" for what in ("sensor", "camera")]
    with zerobuffer.Reader(names[0], payload_size=4096) as sensor, zerobuffer.Reader(names[1], payload_size=1 << 20) as camera:
        counts = await asyncio.gather(watch(sensor), watch(camera), sense(names[0]), film(names[1]))
    print(counts[0], "values and", counts[1], "pictures")


if __name__ == "__main__":
    asyncio.run(main())
