import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing
import WireFormat

@Suite("Requests that a replica refuses or drops")
struct RequestAdmissionTests {
  typealias Host = ReplicaHost<ScriptedCore, Counter>
  typealias Reply = ClientReply<UInt64>

  /// A replica that is in charge.
  func host(_ limits: RequestLimits) -> Host {
    var host = Host(
      id: ReplicaID(0), membership: Membership(replicas: 3), options: ScriptedCore.Options(),
      seed: 1,
      limits: limits)
    host.core.status.epoch = 1
    host.core.status.isInCharge = true
    return host
  }

  func id(_ client: UInt64, _ sequence: UInt64 = 1) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  func request(_ client: UInt64, read: Bool = false, timeLeft: Interval = .zero) -> Host.Request {
    Host.Request(id: id(client), command: read ? .read : .add(1), timeLeft: timeLeft)
  }

  func busy(_ clients: UInt64...) -> [Reply] { clients.map { Reply(id: id($0), result: .busy) } }

  /// Ends the turn and returns its replies.
  func end(_ host: inout Host, at milliseconds: Int64 = 0) -> [Reply] {
    host.endTurn(at: Instant(nanoseconds: milliseconds * 1_000_000))
    defer { host.clearTurn() }
    return host.replies
  }

  func commit(_ client: UInt64, on host: inout Host, answering: Bool = true) {
    host.effects.commit(
      Batch([(id: id(client), command: Counter.Command.add(1))]), at: host.appliedIndex.next,
      answering: answering)
  }

  @Test("A full queue refuses updates and reads, and never hands them to the core")
  func fullQueue() {
    var host = host(RequestLimits(queue: 2))
    for client in 1...4 as ClosedRange<UInt64> { host.submit(request(client, read: client == 4)) }
    #expect(end(&host) == busy(3, 4))
    #expect(host.core.requested.flatMap(\.requestIDs) == [id(1), id(2)])
    #expect(host.waitingReadCount == 0)
    // A pending request that is repeated is neither refused nor counted twice.
    host.submit(request(1))
    #expect(end(&host) == [])
  }

  @Test("Applied and refused updates, and answered reads, leave the queue")
  func leaving() {
    var host = host(RequestLimits(queue: 2))
    host.submit(request(1))
    host.submit(request(2, read: true))
    #expect(end(&host) == [])
    // A head of a chain applies what its tail answers.
    commit(1, on: &host, answering: false)
    #expect(end(&host) == [])
    host.submit(request(3))
    #expect(end(&host) == [])
    host.submit(request(4))
    #expect(end(&host) == busy(4))
    host.effects.read(ReadTicket(1))
    #expect(end(&host).map(\.id) == [id(2)])
    host.submit(request(4))
    #expect(end(&host) == [])
    host.effects.refuse(host.core.requested[1], redirect: nil)
    #expect(end(&host).map(\.id) == [id(3)])
    host.submit(request(5))
    #expect(end(&host) == [])
    host.submit(request(6))
    #expect(end(&host) == busy(6))
  }

  @Test("In a later epoch the queue is empty, because entries of an earlier one may be lost")
  func laterEpoch() {
    var host = host(RequestLimits(queue: 1))
    host.submit(request(1))
    _ = end(&host)
    host.core.status.epoch = 3
    host.submit(request(2))
    #expect(end(&host) == [])
  }

  @Test("A repeated request that has taken effect is answered although the queue is full")
  func repeated() {
    var host = host(RequestLimits(queue: 1))
    host.submit(request(1))
    _ = end(&host)
    commit(1, on: &host)
    _ = end(&host)
    host.submit(request(2))
    _ = end(&host)
    host.submit(request(1))
    #expect(host.replies == [Reply(id: id(1), result: .answer(1))])
  }

  @Test("The bound of admission control shrinks once per late period, and grows with good answers")
  func adapting() {
    var host = host(RequestLimits(admission: .milliseconds(20)))
    func answer(_ client: UInt64, arrived: Int64, at now: Int64) {
      host.submit(request(client), at: Instant(nanoseconds: arrived * 1_000_000))
      _ = end(&host, at: arrived)
      commit(client, on: &host)
      _ = end(&host, at: now)
    }
    answer(1, arrived: 0, at: 20)
    #expect(host.admission.bound == 1024 + 1.0 / 1024)
    let before = host.admission.bound
    answer(2, arrived: 100, at: 121)
    #expect(host.admission.bound == before * 0.7)
    answer(3, arrived: 110, at: 140)
    #expect(host.admission.bound == before * 0.7)
    answer(4, arrived: 110, at: 141)
    #expect(host.admission.bound == before * 0.7 * 0.7)
    for client in 5...40 as ClosedRange<UInt64> {
      answer(client, arrived: Int64(client) * 100, at: Int64(client) * 100 + 50)
    }
    #expect(host.admission.bound == 1)
    host.submit(request(41))
    host.submit(request(42))
    #expect(host.replies == busy(42))
  }

  @Test("The wait before the turn counts for admission control")
  func waiting() {
    var host = host(RequestLimits(admission: .milliseconds(20)))
    host.submit(request(1), waited: .milliseconds(30), at: Instant(nanoseconds: 50_000_000))
    _ = end(&host, at: 50)
    commit(1, on: &host)
    _ = end(&host, at: 51)
    #expect(host.admission.bound == 1024 * 0.7)
  }

  @Test("A request is dropped when its client has stopped waiting, but only if the limits say so")
  func late() {
    for read in [false, true] {
      var host = host(RequestLimits(dropsLate: true))
      let late = request(1, read: read, timeLeft: .milliseconds(10))
      host.submit(late, waited: .milliseconds(10))
      #expect(end(&host) == [] && host.core.requested.isEmpty && host.waitingReadCount == 0)
      host.submit(late, waited: .milliseconds(9))
      host.submit(request(2, read: read), waited: .seconds(100))
      _ = end(&host)
      let taken = host.waitingReads.requestCount + host.core.requested.map(\.count).reduce(0, +)
      #expect(taken == 2)
      var patient = self.host(RequestLimits())
      patient.submit(late, waited: .seconds(1))
      _ = end(&patient)
      #expect(patient.waitingReadCount + patient.core.requested.count == 1)
    }
  }

  @Test(
    "The time left is encoded with a request that has one, and changes no other request's bytes")
  func encoded() throws {
    let plain = request(1)
    let timed = request(1, timeLeft: .milliseconds(7))
    #expect(plain.encoded().count + 8 == timed.encoded().count)
    #expect(plain.encodedByteCount == plain.encoded().count)
    #expect(timed.encodedByteCount == timed.encoded().count)
    for request in [plain, timed] {
      #expect(try WireReader.decode(Host.Request.self, from: request.encoded()) == request)
      var host = host(RequestLimits(queue: 1))
      var reader = WireReader(request.encoded())
      #expect(try host.submit(reading: &reader) == request.id)
    }
  }
}
