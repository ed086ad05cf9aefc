import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct CauseTraceTests {
  private let id = RequestID(client: ClientID(3), sequence: 1)

  private func part(_ trace: CauseTrace, _ part: LatencyPart) -> Int64? {
    trace.trace.operations.first?.partsNs[part.index]
  }

  @Test("An operation is cut by the steps that led to its answer, from when it was due")
  func cut() {
    var trace = CauseTrace()
    trace.begin(every: 1)
    let first = trace.add(.other, after: CauseTrace.none, at: 20)
    trace.noteAttempt(id, at: 20, record: first)
    let second = trace.add(.other, after: CauseTrace.none, at: 50)
    trace.noteAttempt(id, at: 50, record: second)
    let arrived = trace.add(.clientWire, after: second, at: 60)
    let turn = trace.add(.processorWait, after: arrived, at: 65)
    trace.current = trace.add(.disk, after: turn, at: 100)
    trace.finish(id, isRead: false, due: 10, isMeasured: true)
    #expect(trace.trace.operations.first?.latencyNs == 90)
    #expect(part(trace, .sending) == 10 && part(trace, .retry) == 30)
    #expect(part(trace, .clientWire) == 10 && part(trace, .processorWait) == 5)
    #expect(part(trace, .disk) == 35)
  }

  @Test("In a turn that took the operation's own request, the request is what led on")
  func ownRequest() {
    var trace = CauseTrace()
    trace.begin(every: 1)
    let sent = trace.add(.other, after: CauseTrace.none, at: 10)
    trace.noteAttempt(id, at: 10, record: sent)
    let arrived = trace.add(.clientWire, after: sent, at: 30)
    let elsewhere = trace.add(.nodeWire, after: CauseTrace.none, at: 35)
    let turn = trace.add(.processorWait, after: elsewhere, at: 40)
    trace.noteTaken(id, inTurn: turn, arrival: arrived)
    trace.current = trace.add(.clientWire, after: turn, at: 50)
    trace.finish(id, isRead: true, due: 10, isMeasured: true)
    #expect(part(trace, .clientWire) == 30 && part(trace, .processorWait) == 10)
    #expect(part(trace, .nodeWire) == 0)
  }

  @Test("Operations older than the ring are counted, and not taken apart")
  func forgotten() {
    var trace = CauseTrace()
    trace.begin(every: 1)
    let sent = trace.add(.other, after: CauseTrace.none, at: 0)
    trace.noteAttempt(id, at: 0, record: sent)
    var last = sent
    for time in 1...CauseTrace.capacity {
      last = trace.add(.nodeWire, after: last, at: Instant(nanoseconds: Int64(time)))
    }
    trace.current = last
    trace.finish(id, isRead: true, due: 0, isMeasured: true)
    #expect(trace.trace.forgotten == 1 && trace.trace.operations.isEmpty)
    #expect(trace.records.count == CauseTrace.capacity)
  }
}
