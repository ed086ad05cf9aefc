@testable import Histories
import Testing

@Suite struct JepsenTests {
  static let a = ValueDigest([1, 2, 3])
  static let b = ValueDigest([4])

  @Test("An operation of any kind and outcome is written and read back unchanged")
  func roundTrip() throws {
    var history: [Operation] = []
    var scans = ScannedValues()
    var time: Int64 = 10
    for kind in OperationKind.allCases {
      for outcome in [Outcome.ok, .failed, .unknown] {
        var operation = Operation(
          client: 1, kind: kind, key: 3, outcome: outcome, invoked: time, returned: time + 5)
        if kind == .get && outcome == .ok { operation.observed = Self.a }
        if kind == .append { operation.expected = Self.b }
        operation.intended = time - 4
        if !kind.isRead && kind != .delete { operation.argument = Self.a }
        if kind == .compareAndSwap {
          operation.expected = Self.b
          operation.swapped = outcome == .ok
        }
        if kind == .scan {
          operation.askForScan(ofKeys: 2)
          let seen = [Self.a, .absent].enumerated().map {
            ScannedValues.Version(key: 3 + UInt32($0), value: $1)
          }
          if outcome == .ok { scans.add(seen, to: &operation) }
        }
        history.append(operation)
        time += 10
      }
    }
    for observed in [Self.a, .absent, .unobserved] {
      history.append(
        Operation(
          client: 0, kind: .compareAndSwap, key: 3, argument: Self.a, expected: Self.b,
          observed: observed, outcome: .ok, invoked: time, returned: time + 5))
      time += 10
    }
    let text = JepsenHistory.edn(history, scans: scans)
    let recorded = try RecordedHistory(edn: Array(text.utf8))
    #expect(recorded.operations == history)
    #expect(recorded.scans == scans)
    #expect(text.contains(":type :invoke, :f :txn, :value [[:r 3 nil] [:r 4 nil]], :time"))
    #expect(
      text.contains(":type :ok, :f :txn, :value [[:r 3 \"\(Self.a.written)\"] [:r 4 nil]], :time"))
  }

  @Test("A transaction that only reads is a scan, and one that only writes a key is a put")
  func transactions() throws {
    let text = """
      {:process 0, :type :invoke, :f :txn, :value [[:w :x 7]]}
      {:process 1, :type :invoke, :f :txn, :value [[:r :y nil] [:r :x nil]]}
      {:process 0, :type :ok, :f :txn, :value [[:w :x 7]]}
      {:process 1, :type :ok, :f :txn, :value [[:r :y nil] [:r :x 7]]}
      {:process 2, :type :invoke, :f :txn, :value [[:r :y nil]]}
      {:process 2, :type :info, :f :txn, :value nil, :error :timeout}
      """
    let history = try RecordedHistory(edn: Array(text.utf8))
    #expect(history.operations.map(\.kind) == [.put, .scan, .scan])
    #expect(history.operations.map(\.outcome) == [.ok, .ok, .unknown])
    let seen = history.scans.versions(of: history.operations[1])
    #expect(seen.map { history.name(ofKey: $0.key) } == [":y", ":x"])
    #expect(seen.map(\.value) == [.absent, ValueDigest(hash: 7, length: 8)])
    #expect(history.operations[0].key == seen[1].key)
  }

  @Test("A process is not reused after an unknown outcome, and calls come first at equal times")
  func processes() {
    let history = [
      Operation(client: 0, kind: .put, key: 1, argument: Self.b, invoked: 0, returned: 5),
      Operation(
        client: 1, kind: .get, key: 1, observed: Self.b, outcome: .ok, invoked: 5, returned: 9),
      Operation(client: 0, kind: .get, key: 1, outcome: .ok, invoked: 6, returned: 7),
    ]
    let lines = JepsenHistory.edn(history).split(separator: "\n")
    #expect(
      lines[0]
        == "{:process 0, :type :invoke, :f :write, :value [1 \"0000000000000005.1\"], :time 0, "
        + ":index 0, :client 0, :due 0}")
    #expect(lines[1].contains(":process 1, :type :invoke"))
    #expect(lines[2].contains(":process 0, :type :info"))
    #expect(lines[3].contains(":process 2, :type :invoke, :f :read, :value [1 nil]"))
  }

  @Test("Jepsen's forms are read: a vector of maps, a register, tuples, the nemesis, open calls")
  func forms() throws {
    let text = """
      [{:process :nemesis, :type :info, :f :start, :value nil}
       {:process 0, :type :invoke, :f :cas, :value [1 2]}
       {:process 1, :type :invoke, :f :read, :value nil}
       {:process 0, :type :fail, :f :cas, :value [1 2]}
       {:process 1, :type :ok, :f :read, :value 5}
       {:process 2, :type :invoke, :f :write, :value 6}]
      """
    let history = try JepsenHistory.operations(edn: text)
    #expect(history.map(\.outcome) == [.failed, .ok, .unknown])
    #expect(history[1].observed == ValueDigest(hash: 5, length: 8))
    #expect(history[0].expected == ValueDigest(hash: 1, length: 8))
    let keyed = try JepsenHistory.operations(
      edn: "{:process 0 :type :invoke :f :cas :value [\"k\" [nil 2]]}")
    #expect(keyed[0].expected.isAbsent && keyed[0].key == 0)
  }

  @Test("In the old log a failed swap shows only that the value differed; other lines are skipped")
  func log() throws {
    let text = """
      INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]
      INFO  jepsen.core - Worker 3 starting
      WARN  jepsen.core - Process 3 indeterminate
      java.net.SocketTimeoutException: Read timed out
      \tat java.net.SocketInputStream.read(SocketInputStream.java:152)
      Caused by: clojure.lang.ExceptionInfo
      \t... 8 more
      INFO  jepsen.util - 0\t:fail\t:cas\t[1 2]
      INFO  jepsen.util - 1\t:invoke\t:write\t4
      INFO  jepsen.util - 1\t:info\t:write\t:timed-out
      """
    let history = try JepsenLog.operations(text)
    #expect(history.count == 2)
    #expect(history[0].outcome == .ok && !history[0].swapped)
    #expect(history[0].observed == .unobserved)
    #expect(history[1].outcome == .unknown)
  }

  @Test(
    "An event that cannot be understood is an error, never a guess",
    arguments: [
      "{:process 0 :type :ok :f :read :value 1}", "{:process 0 :type :invoke :f :pop}",
      "{:process -1 :type :invoke :f :read}", "{:process 0 :type :x :f :read}", "42",
      "{:process 0 :type :invoke :f :cas :value 3}",
      "{:process 0 :type :invoke :f :write :value {}}",
      "{:process 0 :type :invoke :f :txn :value [[:r 1 nil] [:w 2 3]]}",
      "{:process 0 :type :invoke :f :txn :value [[:w 1 2] [:w 2 3]]}",
      "{:process 0 :type :invoke :f :txn :value [[:append 1 2]]}",
      "{:process 0 :type :invoke :f :txn :value [[:r 1 nil] [:r 1 nil]]}",
      "{:process 0 :type :invoke :f :txn :value []}", "{:process 0 :type :invoke :f :txn}",
      "{:process 0 :type :invoke :f :txn :value [[:r 1]]}",
      "{:process 0 :type :invoke :f :txn :value [[:r 1 nil] [:r 2 nil]]} {:process 0 :type :ok :f :txn :value [[:r 1 3] [:r 4 nil]]}",
      "{:process 0 :type :invoke :f :txn :value [[:r 1 nil]]} {:process 0 :type :ok :f :read :value [1 3]}",
      "{:process 0 :type :invoke :f :read} {:process 0 :type :ok :f :write :value 1}",
    ])
  func errors(text: String) {
    #expect(throws: HistoryError.self) { try JepsenHistory.operations(edn: text) }
  }
}
