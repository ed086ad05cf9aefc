import Replication
import StateMachines
import Testing
import WireFormat

@testable import OtherSystems

@Suite struct RedisTests {
  private func request(_ command: KeyValueCommand, wait: Int = 0) -> String {
    var dialect = RedisDialect(waitReplicas: wait, waitTimeout: .milliseconds(250))
    var output = WireWriter()
    dialect.write(command, into: &output)
    return String(decoding: output.bytes(), as: UTF8.self)
  }

  @Test("Commands are encoded as arrays of bulk strings")
  func requests() {
    #expect(request(.get(Key("a"))) == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    #expect(
      request(.put(Key("a"), value: [0, 13, 10]))
        == "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\n\0\r\n\r\n")
    #expect(request(.delete(Key("a"))) == "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n")
    #expect(
      request(.append(Key("a"), value: [])) == "*3\r\n$6\r\nAPPEND\r\n$1\r\na\r\n$0\r\n\r\n")
  }

  @Test("With a wait every write is followed by WAIT, but no read is")
  func waits() {
    let wait = "*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$3\r\n250\r\n"
    for command in [
      KeyValueCommand.put(Key("a"), value: [1]), .delete(Key("a")), .append(Key("a"), value: [1]),
    ] {
      #expect(request(command, wait: 2) == request(command) + wait)
    }
    #expect(request(.get(Key("a")), wait: 2) == request(.get(Key("a"))))
  }

  @Test("A timeout below a millisecond does not become a WAIT without end")
  func shortWait() {
    #expect(
      RedisDialect(waitReplicas: 1, waitTimeout: .microseconds(10)).waitTimeout == .milliseconds(1))
  }

  /// The answers in received bytes to the questions, with the bytes split at `split`.
  private func answers(
    _ text: String, to questions: [TargetQuestion], wait: Int = 0, split: Int = 0
  ) throws -> [TargetAnswer] {
    var dialect = RedisDialect(waitReplicas: wait)
    let bytes = Array(text.utf8)
    var start = 0
    var found: [TargetAnswer] = []
    for end in [split, bytes.count] {
      while found.count < questions.count,
        let answer = try dialect.next(
          to: questions[found.count], in: bytes, from: &start, to: end)
      {
        found.append(answer)
      }
    }
    #expect(start == bytes.count)
    return found
  }

  @Test("Answers show the value found, wherever they are split")
  func meanings() throws {
    let text = "+OK\r\n$2\r\nbc\r\n$-1\r\n:1\r\n:12\r\n-READONLY no\r\n"
    for split in 0...text.utf8.count {
      #expect(
        try answers(text, to: [.put, .get, .get, .delete, .append, .put], split: split) == [
          .done(.done), .done(.value(Array("bc".utf8))), .done(.value(nil)), .done(.number(1)),
          .done(.number(12)), .refused("READONLY no"),
        ])
    }
  }

  @Test("A write is acknowledged if enough replicas have it, and otherwise unknown")
  func waitMeanings() throws {
    let text =
      "+OK\r\n:2\r\n$1\r\na\r\n+OK\r\n:1\r\n:1\r\n:3\r\n-READONLY no\r\n:0\r\n+OK\r\n-ERR x\r\n"
    for split in 0...text.utf8.count {
      #expect(
        try answers(
          text, to: [.put, .get, .put, .delete, .put, .put], wait: 2, split: split) == [
            .done(.done), .done(.value(Array("a".utf8))),
            .unclear("1 of 2 replicas have acknowledged"), .done(.number(1)),
            .refused("READONLY no"), .unclear("ERR x"),
          ])
    }
  }

  @Test("An answer that fits another question is refused")
  func misfits() {
    for (text, question) in [
      ("+OK\r\n", TargetQuestion.get), (":1\r\n", .get), ("$1\r\na\r\n", .put), ("*0\r\n", .get),
      ("+OK\r\n", .delete), ("$-1\r\n", .append), ("HTTP/1.1 400 Bad Request\r\n", .get),
      ("<html>", .get), ("$5000000000\r\n", .get),
    ] {
      #expect(throws: TargetFault.self) { try answers(text, to: [question]) }
    }
    #expect(throws: TargetFault.self) { try answers("+OK\r\n+OK\r\n", to: [.put], wait: 1) }
  }

  @Test("Only an error that Redis gives before it acts is definite")
  func errors() throws {
    for text in [
      "READONLY You can't write against a read only replica.", "LOADING Redis is loading", "OOM x",
      "NOAUTH Authentication required.", "MISCONF x", "NOREPLICAS x", "MOVED 1 127.0.0.1:1",
      "WRONGTYPE x", "ERR unknown command 'SET'", "ERR max number of clients reached",
      "NOAUTH",
    ] {
      #expect(try answers("-\(text)\r\n", to: [.put]) == [.refused(text)])
    }
    for text in [
      "ERR outcome unknown: no answer from the cluster within 1s", "ERR Connection timed out", "",
      "TIMEOUT x", "READONLYX", "oom x",
    ] {
      #expect(try answers("-\(text)\r\n", to: [.put]) == [.unclear(text)])
      #expect(try answers("-\(text)\r\n", to: [.append]) == [.unclear(text)])
      // A read has no effect, so any error means that it failed.
      #expect(try answers("-\(text)\r\n", to: [.get]) == [.refused(text)])
    }
  }
}
