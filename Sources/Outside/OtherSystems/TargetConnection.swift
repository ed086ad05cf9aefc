import Clients
import LoadDriving
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import WireFormat

/// A connection to another system, with its unanswered requests.
public struct TargetConnection<Dialect: TargetDialect>: Sendable {
  public struct Asked: Sendable {
    public var id: RequestID
    public var question: TargetQuestion

    public init(id: RequestID, question: TargetQuestion) {
      self.id = id
      self.question = question
    }
  }

  public var link: DialedConnection
  public var dialect: Dialect
  /// The dialect's state at the start of a connection.
  public let freshDialect: Dialect
  /// The requests sent, in order; the first `answered` of them have their answers.
  public var asked: [Asked] = []
  public var answered = 0
  /// Requests to be sent as soon as the connection is open and has room; at most one per client.
  public var waiting: [ClientRequest<KeyValueCommand>] = []

  public init(_ link: DialedConnection, _ dialect: Dialect) {
    self.link = link
    self.dialect = dialect
    freshDialect = dialect
  }

  public var hasRoom: Bool {
    link.output.count < TargetLimits.output && asked.count - answered < TargetLimits.outstanding
  }

  public mutating func ask(_ request: ClientRequest<KeyValueCommand>) {
    asked.append(Asked(id: request.id, question: TargetQuestion(request.command)))
    dialect.write(request.command, into: &link.output.writer)
  }

  public mutating func askProbe(_ id: RequestID) {
    asked.append(Asked(id: id, question: .probe))
    dialect.writeProbe(into: &link.output.writer)
  }

  /// Takes the next answer out of the received bytes.
  public mutating func nextAnswer() throws(TargetFault) -> (asked: Asked, answer: TargetAnswer)? {
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
  public var isOwed: Bool { answered < asked.count }

  /// Whether a request of this client waits or is unanswered.
  public func expects(_ client: ClientID) -> Bool {
    asked[answered...].contains { $0.id.client == client }
      || waiting.contains { $0.id.client == client }
  }

  public mutating func hangUp(_ loop: borrowing EventLoop, now: Int64) {
    link.hangUp(loop, now: now)
    asked.removeAll(keepingCapacity: true)
    answered = 0
    dialect = freshDialect
  }
}

/// Limits of the connections to other systems.
public enum TargetLimits {
  /// Bytes that may wait for one connection before requests wait, too.
  public static let output = 16 << 20
  /// Requests that may be unanswered on one connection before others wait.
  public static let outstanding = 16 << 10
  /// The most connections if each client is to have its own; more clients share them.
  public static let connections = 1024
}
