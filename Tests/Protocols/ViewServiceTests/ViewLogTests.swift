import Replication
import Testing
import ViewService
import WireFormat

@Suite struct ViewLogTests {
  /// A log of one entry per given view.
  private func log(_ views: [UInt64]) -> ViewLog {
    var log = ViewLog()
    for view in views { log.append(ViewEntry(view: view, batch: .noop)) }
    return log
  }

  @Test("The summary of a log is the last index of each view")
  func runs() {
    let log = log([1, 1, 3, 4, 4])
    #expect(
      log.runs == [
        ViewRun(view: 1, last: LogIndex(2)), ViewRun(view: 3, last: LogIndex(3)),
        ViewRun(view: 4, last: LogIndex(5)),
      ])
    #expect(log.view(at: LogIndex(3)) == 3)
    #expect(log.view(at: .zero) == 0)
    #expect(log.view(at: LogIndex(6)) == nil)
  }

  @Test("The common prefix ends where both logs last have an entry of the same view")
  func commonPrefix() {
    let mine = log([1, 1, 3, 4, 4])
    #expect(mine.commonPrefix(with: log([1, 1, 1, 1]).runs) == LogIndex(2))
    #expect(mine.commonPrefix(with: log([1, 1, 3, 4]).runs) == LogIndex(4))
    #expect(mine.commonPrefix(with: log([1, 1, 3, 5, 5]).runs) == LogIndex(3))
    #expect(mine.commonPrefix(with: log([2, 2]).runs) == .zero)
    #expect(mine.commonPrefix(with: []) == .zero)
    #expect(mine.commonPrefix(with: mine.runs) == LogIndex(5))
  }

  @Test("Truncation shortens the runs with the entries")
  func truncation() {
    for length in 1...5 {
      var log = log([1, 1, 3, 4, 4])
      log.truncate(from: LogIndex(length))
      #expect(log.runs == self.log(Array([1, 1, 3, 4, 4].prefix(length - 1))).runs)
      #expect(log.lastIndex == LogIndex(length - 1))
    }
  }

  @Test("Putting an entry inside the log drops all later entries")
  func put() {
    var log = log([1, 1, 3])
    log.put(ViewEntry(view: 4, batch: .noop), at: LogIndex(2))
    #expect(log.lastIndex == LogIndex(2))
    #expect(log.lastView == 4)
    log.put(ViewEntry(view: 4, batch: .noop), at: LogIndex(9))
    #expect(log.lastIndex == LogIndex(2))
  }

  @Test("A page ends at the byte limit but is never empty")
  func pages() {
    let log = log([1, 1, 1, 1])
    let size = log[LogIndex(1)].encodedByteCount
    #expect(log.page(from: LogIndex(1), through: LogIndex(9), byteLimit: 2 * size).count == 2)
    #expect(log.page(from: LogIndex(2), through: LogIndex(3), byteLimit: 0).count == 1)
    #expect(log.page(from: LogIndex(5), through: LogIndex(9)).isEmpty)
  }
}
