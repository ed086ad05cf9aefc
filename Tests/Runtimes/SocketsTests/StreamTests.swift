import CLinux
import Glibc
import Primitives
import Replication
import Sockets
import Testing
import WireFormat

/// Two ends of a connection over TCP.
private final class Pair {
  let near: Int32
  let far: Int32

  init() throws {
    let listener = try Endpoint.loopback(0).listen()
    defer { Descriptor.close(listener) }
    near = try Endpoint.loopback(UInt16(linux_local_port(listener))).connect()
    var taken: Int32?
    while taken == nil { taken = try Descriptor.accept(listener) }
    far = try #require(taken)
  }

  deinit {
    Descriptor.close(near)
    Descriptor.close(far)
  }

  /// Gives the system a small buffer for bytes from the near to the far end.
  func narrow() {
    var byteCount: Int32 = 128 << 10
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(near, SOL_SOCKET, SO_SNDBUF, &byteCount, size)
    setsockopt(far, SOL_SOCKET, SO_RCVBUF, &byteCount, size)
  }
}

/// Bytes in which no two blocks are equal.
private func message(blocks: Int, seed: UInt64) -> [UInt8] {
  var random = RandomStream(seed: seed)
  var block = (0..<32 << 10).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  var result: [UInt8] = []
  for number in 0..<blocks {
    block[0] = UInt8(truncatingIfNeeded: number)
    block[1] = UInt8(truncatingIfNeeded: number >> 8)
    result += block
  }
  return result
}

@Suite struct StreamTests {
  @Test("Written bytes arrive completely and in order, for any piece sizes", arguments: 0..<4)
  func pieces(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed))
    let pair = try Pair()
    pair.narrow()
    let message = message(blocks: 100, seed: UInt64(seed))
    var output = OutputBuffer()
    var input = InputBuffer()
    var given = 0
    var found: [UInt8] = []
    // The far end does not read until the system's buffers are full.
    while output.isEmpty {
      try #require(given < message.count, "the system takes \(given) bytes at once")
      let count = min(random.below(500_000), message.count - given)
      output.writer.write(Array(message[given..<given + count]))
      given += count
      #expect(output.flush(to: pair.near) == .open)
    }
    while found.count < given {
      if given < message.count, random.chance(0.3) {
        let count = min(random.below(200_000), message.count - given)
        output.writer.write(Array(message[given..<given + count]))
        given += count
      }
      #expect(output.flush(to: pair.near) == .open)
      #expect(input.fill(from: pair.far, room: 1 + random.below(100_000)) == .open)
      // Some bytes are consumed, the rest waits.
      let understood = random.chance(0.5) ? input.count : random.below(input.count + 1)
      found += input.bytes[input.start..<input.start + understood]
      input.consume(understood)
    }
    #expect(found == Array(message[..<given]))
    #expect(output.isEmpty && input.count == 0)
  }

  @Test("A buffer that a burst has made large is freed once it is empty")
  func afterBurst() {
    var output = OutputBuffer()
    output.writer.write([UInt8](repeating: 1, count: 16 << 20))
    output.removeAll()
    #expect(output.isEmpty && output.writer.storage.count <= OutputBuffer.keptByteCount)
    output.writer.write([UInt8](repeating: 1, count: 1 << 20))
    let kept = output.writer.storage.count
    output.removeAll()
    #expect(output.writer.storage.count == kept)
  }

  @Test("Missing bytes are not an end; an end or a reset comes after the bytes sent before it")
  func ends() throws {
    let pair = try Pair()
    var input = InputBuffer()
    #expect(input.fill(from: pair.far) == .open)
    #expect(input.count == 0)
    var output = OutputBuffer()
    output.writer.write([1, 2, 3])
    #expect(output.flush(to: pair.near) == .open)
    Descriptor.endOutput(pair.near)
    while input.count < 3 { #expect(input.fill(from: pair.far) == .open) }
    #expect(input.fill(from: pair.far) == .closed)
    #expect(input.count == 3)
    // The other direction is still open.
    output.writer.write([4])
    #expect(output.flush(to: pair.far) == .open)
    // Closed with unread bytes: the other side gets a reset.
    let other = try Pair()
    output.writer.write([5])
    #expect(output.flush(to: other.near) == .open)
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      other.far, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    Descriptor.close(dup2(open("/dev/null", O_RDONLY), other.far))
    output.writer.write([6])
    #expect(output.flush(to: other.near) == .closed)
  }

  @Test("The waiting bytes of a frame are kept while the buffer grows around them and moves them")
  func growth() throws {
    let pair = try Pair()
    var input = InputBuffer()
    var output = OutputBuffer()
    output.writer.write((0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
    let sent = output.writer.bytes()
    var consumed = 0
    while consumed + input.count < sent.count {
      #expect(output.flush(to: pair.near) == .open)
      #expect(input.fill(from: pair.far) == .open)
      let isEqual = input.bytes[input.start..<input.end] == sent[consumed..<consumed + input.count]
      #expect(isEqual)
      // Some bytes leave at the front, so that the others are moved there later.
      let gone = input.count / 7
      input.consume(gone)
      consumed += gone
    }
    #expect(input.bytes[input.start..<input.end] == sent[consumed...])
  }

  @Test(
    "A silent connection's buffer is small, a busy one's grows, and a huge one is freed")
  func sizes() throws {
    let pair = try Pair()
    var input = InputBuffer()
    var output = OutputBuffer()
    _ = input.fill(from: pair.far)
    #expect(input.bytes.count <= 16 << 10)
    while input.nextRoom < InputBuffer.readByteCount {
      output.writer.write([UInt8](repeating: 1, count: 1 << 17))
      #expect(output.flush(to: pair.near) == .open)
      #expect(input.fill(from: pair.far) == .open)
      input.consume(input.count)
    }
    // A buffer that has grown for a frame keeps its size while a part of the frame is in it.
    output.removeAll()
    output.writer.write([1])
    #expect(output.flush(to: pair.near) == .open)
    while input.count != 1 {
      input.consume(max(input.count - 1, 0))
      #expect(input.fill(from: pair.far) == .open)
    }
    input.bytes += [UInt8](repeating: 0, count: InputBuffer.keptByteCount)
    _ = input.fill(from: pair.far)
    #expect(input.bytes.count > InputBuffer.keptByteCount)
    input.consume(input.count)
    _ = input.fill(from: pair.far)
    #expect(input.bytes.count == InputBuffer.readByteCount)
  }
}

@Suite struct EventLoopTests {
  @Test("Descriptors are reported under their tokens, for watched events, until they are removed")
  func tokens() throws {
    let pair = try Pair()
    let loop = try EventLoop()
    #expect(loop.wait(atMost: .zero) == 0)
    loop.add(pair.near, token: 7)
    loop.add(pair.far, token: 1 << 60 | 9, writes: true)
    #expect(loop.wait(atMost: .seconds(1)) == 1)
    #expect(loop.ready[0].token == 1 << 60 | 9)
    #expect(loop.ready[0].writable != 0 && loop.ready[0].readable == 0)
    loop.change(pair.far, token: 3, reads: true, writes: false)
    #expect(loop.wait(atMost: .zero) == 0)
    var output = OutputBuffer()
    output.writer.write([1])
    #expect(output.flush(to: pair.near) == .open)
    #expect(loop.wait(atMost: .seconds(1)) == 1)
    #expect(loop.ready[0].token == 3 && loop.ready[0].readable != 0)
    // Level triggered: unread bytes are reported again.
    #expect(loop.wait(atMost: .zero) == 1)
    loop.change(pair.far, token: 3, reads: false, writes: false)
    #expect(loop.wait(atMost: .zero) == 0)
    loop.remove(pair.near)
    Descriptor.endOutput(pair.far)
    #expect(loop.wait(atMost: .zero) == 0)
  }

  @Test("A connection that fails or breaks is reported as broken")
  func broken() throws {
    let endpoint = try Endpoint.freeOnLoopback(1)[0]
    let descriptor = try endpoint.connect()
    defer { Descriptor.close(descriptor) }
    let loop = try EventLoop()
    loop.add(descriptor, token: 1, writes: true)
    #expect(loop.wait(atMost: .seconds(1)) == 1)
    #expect(loop.ready[0].broken != 0)
    #expect(-linux_connect_result(descriptor) == SystemError.connectionRefused)
  }

  @Test("A wait lasts as long as requested, to a fraction of a millisecond")
  func time() throws {
    let loop = try EventLoop()
    for limit in [Interval.microseconds(300), .milliseconds(2)] {
      let began = MonotonicClock.now()
      #expect(loop.wait(atMost: limit) == 0)
      #expect(MonotonicClock.now() - began >= limit)
    }
  }
}
