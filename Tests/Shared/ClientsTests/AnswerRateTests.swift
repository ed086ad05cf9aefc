import Clients
import Replication
import Testing

@Suite struct AnswerRateTests {
  private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  @Test("A service that answers 10 a millisecond may have half a timeout of work before it")
  func overload() {
    var rate = AnswerRate(timeout: .milliseconds(160))
    #expect(rate.limit(at: at(1)) == nil)
    for time in 0..<30 as Range<Int64> { for _ in 0..<10 { rate.noteAnswer(at: at(time)) } }
    #expect(rate.limit(at: at(30)) == 800)
  }

  @Test("A service that answers nothing is down, and limits nothing")
  func outage() {
    var rate = AnswerRate(timeout: .milliseconds(160))
    for time in 0..<30 as Range<Int64> { rate.noteAnswer(at: at(time)) }
    #expect(rate.limit(at: at(90)) == 10)
    #expect(rate.limit(at: at(100)) == nil)
    #expect(rate.limit(at: at(1000)) == nil)
  }
}
