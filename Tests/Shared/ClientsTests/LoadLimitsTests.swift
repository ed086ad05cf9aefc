import Clients
import Primitives
import Replication
import Testing

@Suite struct LoadLimitsTests {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test("The load is done with its last answer; those before measuring begins do not count")
  func answers() {
    var limits = LoadLimits(answers: 2, countedFrom: at(10))
    for time in [8, 9, 10] as [Int64] { limits.noteAnswer(at: at(time)) }
    #expect(limits.doneAt == nil)
    limits.noteAnswer(at: at(12))
    limits.noteAnswer(at: at(13))
    #expect(limits.doneAt == at(12))
  }

  @Test("Without a number of answers the load is never done")
  func endless() {
    var limits = LoadLimits()
    for time in 0..<1000 as Range<Int64> { limits.noteAnswer(at: at(time)) }
    #expect(limits.doneAt == nil)
  }

  @Test("A client with a rate begins once per interval; one behind begins at once until it is not")
  func rates() {
    var random = RandomStream(seed: 1)
    var limits = LoadLimits(rates: [100, nil])
    let first = limits.firstStart(of: 0, &random)
    #expect(first < at(10))
    _ = limits.firstStart(of: 1, &random)
    let offset = first - Instant.zero
    #expect(limits.nextStart(of: 0, from: at(2)) == at(10) + offset)
    // The answer came after 35 ms: the operations due 20 and 30 ms after the first begin at once.
    #expect(limits.nextStart(of: 0, from: at(35) + offset) == at(35) + offset)
    #expect(limits.nextStart(of: 0, from: at(36) + offset) == at(36) + offset)
    #expect(limits.nextStart(of: 0, from: at(37) + offset) == at(40) + offset)
    // The other group has no rate.
    #expect(limits.nextStart(of: 1, from: at(2)) == at(2))
  }

  @Test("Clients with a rate begin spread over their interval")
  func spread() {
    var random = RandomStream(seed: 3)
    var limits = LoadLimits(rates: [10])
    let starts = (0..<50).map { limits.firstStart(of: $0, &random) }
    #expect(starts.allSatisfy { $0 < at(100) })
    #expect(starts.contains { $0 < at(20) } && starts.contains { $0 > at(80) })
  }
}
