import CLinux
import Glibc
import Replication
import Testing

@testable import Sockets

@Suite("Event loop: waiting awake, and in part")
struct WaitTests {
  /// Read ends of pipes, which the loop watches under their positions, and their write ends.
  private func pipes(_ count: Int, on loop: borrowing EventLoop) -> [(input: Int32, output: Int32)]
  {
    (0..<count).map { position in
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      loop.add(ends[0], token: UInt64(position))
      return (ends[0], ends[1])
    }
  }

  private func close(_ pipes: [(input: Int32, output: Int32)]) {
    for pipe in pipes {
      Descriptor.close(pipe.input)
      Descriptor.close(pipe.output)
    }
  }

  @Test("Spinning ends when a descriptor is ready, and otherwise not before the requested time")
  func awake() throws {
    let loop = try EventLoop()
    let pipes = pipes(1, on: loop)
    let start = MonotonicClock.now()
    #expect(loop.spin(atMost: .milliseconds(1)) == 0)
    #expect(MonotonicClock.now() - start >= .milliseconds(1))
    var byte: UInt8 = 1
    #expect(write(pipes[0].output, &byte, 1) == 1)
    for limit in [Interval.zero, .seconds(60)] {
      #expect(loop.spin(atMost: limit) == 1)
    }
    close(pipes)
  }

  @Test("A list waits as long as requested, for any spinning time, and finds ready descriptors")
  func list() throws {
    let loop = try EventLoop()
    let pipes = pipes(1, on: loop)
    var list = PendingReadiness()
    let pairs: [(limit: Interval, awake: Interval)] = [
      (.milliseconds(3), .milliseconds(1)), (.milliseconds(1), .milliseconds(50)),
    ]
    for (limit, awake) in pairs {
      let start = MonotonicClock.now()
      list.wait(on: loop, atMost: limit, awake: awake)
      #expect(list.isEmpty && MonotonicClock.now() - start >= limit)
    }
    #expect(list.spinPolicy.inVain == 2)
    var byte: UInt8 = 1
    #expect(write(pipes[0].output, &byte, 1) == 1)
    let long = Interval.seconds(60)
    let others: [(limit: Interval, awake: Interval)] = [
      (.zero, .zero), (long, .nanoseconds(1)), (long, .zero),
    ]
    for (limit, awake) in others {
      list.wait(on: loop, atMost: limit, awake: awake)
      let popped = list.pop(loop)
      #expect(popped?.token == 0)
    }
    #expect(list.spinPolicy.inVain == 0)
    close(pipes)
  }

  @Test("After four fruitless spins the loop spins only every seventeenth time")
  func spinPolicy() {
    var spinPolicy = SpinPolicy()
    for _ in 0..<3 {
      let begins = spinPolicy.begins()
      #expect(begins)
      spinPolicy.end(inVain: true)
    }
    // After a successful spin the count starts again at zero.
    var begins = spinPolicy.begins()
    #expect(begins)
    spinPolicy.end(inVain: false)
    var tried: [Int] = []
    for turn in 0..<40 where spinPolicy.begins() {
      tried.append(turn)
      spinPolicy.end(inVain: true)
    }
    #expect(tried == [0, 1, 2, 3, 20, 37])
    spinPolicy.end(inVain: false)
    begins = spinPolicy.begins()
    #expect(begins)
  }

  @Test("A ready descriptor that was not handled comes first the next time, once")
  func rest() throws {
    let loop = try EventLoop()
    let pipes = pipes(3, on: loop)
    var byte: UInt8 = 1
    for pipe in pipes[..<2] { #expect(write(pipe.output, &byte, 1) == 1) }
    var list = PendingReadiness()
    #expect(list.isEmpty && list.pop(loop) == nil)
    list.wait(on: loop, atMost: .zero)
    var seen: Set<UInt64> = []
    let popped = list.pop(loop)
    let first = try #require(popped)
    #expect(read(pipes[Int(first.token)].input, &byte, 1) == 1)
    seen.insert(first.token)
    #expect(write(pipes[2].output, &byte, 1) == 1)
    #expect(!list.isEmpty)
    // Neither waits nor looks for newly ready descriptors.
    list.wait(on: loop, atMost: .seconds(60))
    let poppedNext = list.pop(loop)
    let second = try #require(poppedNext)
    #expect(read(pipes[Int(second.token)].input, &byte, 1) == 1)
    seen.insert(second.token)
    #expect(seen == [0, 1] && list.isEmpty)
    list.wait(on: loop, atMost: .seconds(60))
    #expect(list.pop(loop)?.token == 2)
    #expect(list.pop(loop) == nil)
    close(pipes)
  }
}
