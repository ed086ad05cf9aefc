import Clients
import Replication
import Testing

@Suite struct AnswerRateTests {
  private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  @Test("A service that answers 10 requests per ms may have half a timeout of work queued")
  func overload() {
    var rate = AnswerRate(timeout: .milliseconds(160))
    #expect(rate.limit(at: at(1)) == 1000)
    for time in 0..<30 as Range<Int64> { for _ in 0..<10 { rate.noteAnswer(at: at(time)) } }
    #expect(rate.limit(at: at(30)) == 800)
  }

  @Test("A service without answers is down: 1000 requests may be under way, or as many as before")
  func outage() {
    var slow = AnswerRate(timeout: .milliseconds(160))
    for time in 0..<30 as Range<Int64> { slow.noteAnswer(at: at(time)) }
    #expect(slow.limit(at: at(90)) == 10)
    #expect(slow.limit(at: at(100)) == 1000)
    #expect(slow.limit(at: at(1000)) == 1000)

    var fast = AnswerRate(timeout: .milliseconds(160))
    for time in 0..<30 as Range<Int64> { for _ in 0..<40 { fast.noteAnswer(at: at(time)) } }
    // 1200 answers in two full windows of 10 ms and a part of one.
    #expect(fast.limit(at: at(1000)) == 4800)
  }
}
