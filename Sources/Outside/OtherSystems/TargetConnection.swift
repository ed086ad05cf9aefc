import Clients
import LoadDriving
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import WireFormat

/// A connection to another system, with its unanswered requests.
struct TargetConnection<Dialect: TargetDialect>: Sendable {
  struct Asked: Sendable {
    var id: RequestID
    var question: TargetQuestion

    init(id: RequestID, question: TargetQuestion) {
      self.id = id
      self.question = question
    }
  }

  var link: DialedConnection
  var dialect: Dialect
  /// The dialect's state at the start of a connection.
  let freshDialect: Dialect
  /// The requests sent, in order; the first `answered` of them have their answers.
  var asked: [Asked] = []
  var answered = 0
  /// Requests to be sent as soon as the connection is open and has room; at most one per client.
  var waiting: [ClientRequest<KeyValueCommand>] = []

  init(_ link: DialedConnection, _ dialect: Dialect) {
    self.link = link
    self.dialect = dialect
    freshDialect = dialect
  }

  var hasRoom: Bool {
    link.output.count < TargetLimits.output && asked.count - answered < TargetLimits.outstanding
  }

  mutating func ask(_ request: ClientRequest<KeyValueCommand>) {
    asked.append(Asked(id: request.id, question: TargetQuestion(request.command)))
    dialect.write(request.command, into: &link.output.writer)
  }

  mutating func askProbe(_ id: RequestID) {
    asked.append(Asked(id: id, question: .probe))
    dialect.writeProbe(into: &link.output.writer)
  }

  /// Takes the next answer out of the received bytes.
  mutating func nextAnswer() throws(TargetFault) -> (asked: Asked, answer: TargetAnswer)? {
    guard answered < asked.count else {
      guard link.input.count == 0 else {
        throw TargetFault(
          "an answer to nothing", in: link.input.bytes, at: link.input.start..<link.input.end)
      }
      return nil
    }
    let first = asked[answered]
    var start = link.input.start
    let answer = try dialect.next(
      to: first.question, in: link.input.bytes, from: &start, to: link.input.end)
    link.input.start = start
    guard let answer else { return nil }
    answered += 1
    if answered == asked.count {
      asked.removeAll(keepingCapacity: true)
      answered = 0
    } else if answered >= 1024, answered * 2 >= asked.count {
      asked.removeFirst(answered)
      answered = 0
    }
    return (first, answer)
  }

  /// Whether a request is unanswered.
  var isOwed: Bool { answered < asked.count }

  /// Whether a request of this client waits or is unanswered.
  func expects(_ client: ClientID) -> Bool {
    asked[answered...].contains { $0.id.client == client }
      || waiting.contains { $0.id.client == client }
  }

  mutating func hangUp(_ loop: borrowing EventLoop, now: Instant) {
    link.hangUp(loop, now: now)
    asked.removeAll(keepingCapacity: true)
    answered = 0
    dialect = freshDialect
  }
}

/// Limits of the connections to other systems.
package enum TargetLimits {
  /// Bytes that may wait for one connection before requests wait, too.
  static let output = 16 << 20
  /// Requests that may be unanswered on one connection before others wait.
  static let outstanding = 16 << 10
  /// The most connections if each client is to have its own; more clients share them.
  package static let connections = 1024
}
