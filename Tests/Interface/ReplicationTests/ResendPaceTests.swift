import Testing

@testable import Replication

@Suite struct ResendPaceTests {
  static func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  @Test("Without a round trip the option counts, and then twice the smoothed round trip if longer")
  func pace() {
    var pace = ResendPace(least: .milliseconds(50))
    #expect(pace.pace == .milliseconds(50))
    pace.sent(1, first: true, at: Self.at(0))
    pace.answered(through: 1, at: Self.at(20))
    #expect(pace.pace == .milliseconds(50))
    var distant = ResendPace(least: .milliseconds(50))
    distant.sent(1, first: true, at: Self.at(0))
    distant.answered(through: 1, at: Self.at(160))
    #expect(distant.pace == .milliseconds(320))
  }

  @Test("A copy is due after the pace, counted from the last message or answer, and not before")
  func due() {
    var pace = ResendPace(least: .milliseconds(50))
    pace.sent(1, first: true, at: Self.at(100))
    #expect(!pace.isDue(at: Self.at(149)) && pace.isDue(at: Self.at(150)))
    pace.sent(2, first: false, at: Self.at(140))
    #expect(pace.isDue(at: Self.at(150)))
    pace.answered(through: 0, at: Self.at(145))
    #expect(!pace.isDue(at: Self.at(194)) && pace.isDue(at: Self.at(195)))
  }

  @Test("Each copy doubles the pace, eight times at most, and an answer ends that")
  func doubling() {
    var pace = ResendPace(least: .milliseconds(10))
    pace.sent(1, first: true, at: Self.at(0))
    var waits: [Int64] = []
    var now: Int64 = 0
    for _ in 0..<5 {
      let wait = (1...).first { pace.isDue(at: Self.at(now + $0)) }!
      waits.append(wait)
      now += wait
      pace.sentAgain(at: Self.at(now))
    }
    #expect(waits == [10, 20, 40, 80, 80])
    pace.answered(through: 1, at: Self.at(now))
    #expect(pace.pace == .milliseconds(10))
  }

  @Test("One message at a time is measured, and none that was sent twice")
  func karn() {
    var pace = ResendPace(least: .milliseconds(10))
    pace.sent(5, first: true, at: Self.at(0))
    pace.sent(6, first: false, at: Self.at(2))
    pace.answered(through: 4, at: Self.at(3))
    #expect(pace.roundTrip.smoothed == nil)
    pace.answered(through: 6, at: Self.at(8))
    #expect(pace.roundTrip.smoothed == .milliseconds(8))

    pace.sent(7, first: true, at: Self.at(20))
    pace.sentAgain(at: Self.at(30))
    pace.answered(through: 7, at: Self.at(31))
    #expect(pace.roundTrip.smoothed == .milliseconds(8))
  }

  @Test("A restart forgets the message under way and the doublings, and keeps the round trip")
  func restart() {
    var pace = ResendPace(least: .milliseconds(10))
    pace.sent(1, first: true, at: Self.at(0))
    pace.answered(through: 1, at: Self.at(8))
    pace.sent(2, first: true, at: Self.at(10))
    pace.sentAgain(at: Self.at(30))
    pace.restart(at: Self.at(40))
    #expect(pace.roundTrip.smoothed == .milliseconds(8) && pace.measured == nil)
    #expect(!pace.isDue(at: Self.at(55)) && pace.isDue(at: Self.at(56)))
  }

  @Test("An answer that comes only after a question does not count as slow")
  func lostAnswers() {
    var pace = ResendPace(least: .milliseconds(10))
    var now = Instant.zero
    for mark in 1...50 as ClosedRange<UInt64> {
      pace.sent(mark, first: true, at: now)
      // Every answer is lost, and comes again 2 ms after the question.
      now = now + pace.pace
      #expect(pace.isDue(at: now))
      pace.asked(at: now)
      now = now + .milliseconds(2)
      pace.answeredQuestion(through: mark, at: now)
      pace.answered(through: mark, at: now)
    }
    #expect(pace.pace == .milliseconds(10))
  }

  @Test("An answer to a question ends the backing off, and the answer proper is still measured")
  func answeredQuestion() {
    var pace = ResendPace(least: .milliseconds(10))
    pace.sent(7, first: true, at: .zero)
    for time in 1..<5 as Range<Int64> { pace.asked(at: Instant.zero + .milliseconds(time)) }
    #expect(pace.pace == .milliseconds(80))
    pace.answeredQuestion(through: 6, at: Instant.zero + .milliseconds(6))
    #expect(pace.pace == .milliseconds(10) && !pace.isDue(at: Instant.zero + .milliseconds(15)))
    pace.answered(through: 7, at: Instant.zero + .milliseconds(40))
    #expect(pace.roundTrip.usual == .milliseconds(40))
  }
}
