import Testing

@testable import Primitives

@Suite struct EventOrderTests {
  /// A queue beside a list that is searched from end to end.
  private struct Comparison: ~Copyable {
    var queue = EventQueue<Int>()
    var waiting: [(timeNs: Int64, number: Int)] = []
    var pushed = 0

    mutating func push(atNs timeNs: Int64) {
      queue.push(pushed, atNs: timeNs)
      waiting.append((timeNs, pushed))
      pushed += 1
    }

    /// - Returns: the time of the event that came out, if it was the right one.
    mutating func pop() -> Int64? {
      let first = waiting.indices.min {
        (waiting[$0].timeNs, waiting[$0].number) < (waiting[$1].timeNs, waiting[$1].number)
      }!
      let expected = waiting.remove(at: first)
      let time = queue.nextTimeNs
      return queue.pop() == expected.number && time == expected.timeNs ? time : nil
    }
  }

  /// Pops events that each lead to another one, never an earlier one. The order is then right if
  /// each event has a later time than the one before, or the same time and a higher number.
  private func chain(
    _ count: Int, delaysNs means: [Int64], rounds: Int, startNs: ClosedRange<Int64>
  ) -> Bool {
    var random = RandomStream(seed: UInt64(count))
    var queue = EventQueue<Int>()
    for number in 0..<count {
      queue.push(number, atNs: startNs.lowerBound + Int64(random.below(startNs.count)))
    }
    var last = (timeNs: Int64.min, number: 0)
    var pushed = count
    for meanNs in means {
      for _ in 0..<rounds * EventOrder.tuningInterval {
        let next = (timeNs: queue.nextTimeNs, number: queue.pop())
        guard last < next else { return false }
        last = next
        // Now and then a delay is a thousand times as long as the others.
        let factor: Int64 = random.chance(0.02) ? 1_000 : 1
        queue.push(pushed, atNs: next.timeNs + Int64(random.below(Int(meanNs * 2) + 1)) * factor)
        pushed += 1
      }
    }
    for _ in 0..<count {
      let next = (timeNs: queue.nextTimeNs, number: queue.pop())
      guard last < next else { return false }
      last = next
    }
    return queue.isEmpty
  }

  @Test(
    "Events that lead to others come out in order, at every rate and number of them",
    arguments: [1, 20, 3_000], [0, 40, 1_000_000, 4_000_000_000] as [Int64])
  func steady(count: Int, meanNs: Int64) {
    #expect(chain(count, delaysNs: [meanNs], rounds: 5, startNs: -5...5))
  }

  @Test("The rate may change by any factor while events wait")
  func changes() {
    #expect(
      chain(100, delaysNs: [10, 10_000_000, 100, 1_000_000_000, 1], rounds: 2, startNs: 0...0))
  }

  @Test("A crowd at one time comes out in order of insertion, also if it pushes others meanwhile")
  func crowds() {
    var both = Comparison()
    for crowd in 0..<4 {
      let time = Int64(crowd) * 3_000_000
      for number in 0..<100 { both.push(atNs: time + Int64(number % 3)) }
      for number in 0..<80 {
        let now = both.pop()
        #expect(now != nil)
        both.push(atNs: time + Int64(number % 5))
      }
    }
    var isRight = true
    while isRight, !both.waiting.isEmpty { isRight = both.pop() != nil }
    #expect(isRight)
  }

  @Test("Times at both ends of the range have their places")
  func extremes() {
    var both = Comparison()
    for time in [.max, 0, .min, 1, .max - 1, -1, .min + 1, 5_000] as [Int64] {
      both.push(atNs: time)
    }
    var isRight = true
    while isRight, !both.waiting.isEmpty { isRight = both.pop() != nil }
    #expect(isRight)
  }
}
