import Environments
import Faults
import ProtocolList
import Replication
import Testing
import Workloads

/// Upper bounds of the costs of a fault and of an operation. Each bound follows from the design of
/// a protocol, not from its speed: exceeding one means needless messages, elections or requests.
@Suite("Bounds")
struct BoundsTests {
  /// A fault, and whether its node afterwards lacks entries that others must send.
  struct Fault: CustomTestStringConvertible, Sendable {
    var name: String
    var action: FaultAction
    var misses = false

    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(name: "crash leader", action: .crash(.leader, disk: .kept), misses: true),
    Fault(name: "crash follower", action: .crash(.follower, disk: .kept), misses: true),
    Fault(name: "crash tail", action: .crash(.tail, disk: .kept), misses: true),
    Fault(name: "isolate leader", action: .partition(.isolate(.leader)), misses: true),
    Fault(name: "isolate follower", action: .partition(.isolate(.follower)), misses: true),
    Fault(name: "pause leader", action: .pause(.leader), misses: true),
    Fault(name: "pause follower", action: .pause(.follower), misses: true),
    Fault(name: "deaf follower", action: .partition(.oneWay(.follower, .inbound)), misses: true),
    Fault(name: "mute follower", action: .partition(.oneWay(.follower, .outbound)), misses: true),
    Fault(name: "bridge", action: .partition(.bridge)),
    Fault(name: "majority-ring", action: .partition(.majorityRing)),
    Fault(name: "slow disk at the tail", action: .disk(.tail, .slow(.milliseconds(250)))),
    Fault(name: "stalled follower disk", action: .disk(.follower, .stall), misses: true),
    Fault(name: "slow follower processor", action: .slowCPU(.follower, factor: 20)),
    Fault(name: "clock steps", action: .clock(.all, .jump(.seconds(-5)))),
  ]

  private static func link() -> FaultAction {
    var what = LinkDegradation()
    what.extraLatency = .milliseconds(20)
    return .link(.follower, what)
  }

  @Test(
    "A fault costs two leader or view changes, and throughput returns 1 s after its end",
    arguments: ProtocolKind.failingOver, faults + [Fault(name: "far follower", action: link())])
  func fault(kind: ProtocolKind, fault: Fault) {
    let costs = BoundedTrial(kind, fault: fault.action).run()
    #expect(costs.servedBefore >= 200, "\(costs)")
    #expect(costs.leaderChanges <= 2, "\(costs)")
    #expect(costs.servedAfter * 10 >= costs.servedBefore * 8, "\(costs)")
    // A returning replica is sent no entry that it already has, and no entry twice.
    if fault.misses {
      #expect(costs.bytesReceived * 2 <= costs.bytesCommitted * 3, "\(costs)")
    }
  }

  @Test(
    "A lost message costs about a round trip, because later ones show that it is missing",
    arguments: ProtocolKind.failingOver)
  func loss(kind: ProtocolKind) {
    var calm = BoundedTrial(kind)
    calm.environment.network.transport = .datagram
    calm.workload.clients = 16
    calm.workload.valueSize = 128
    calm.workload.thinkTime = .zero
    var lossy = calm
    lossy.environment.network.loss = 0.1
    let served = lossy.run().served
    #expect(served * 5 >= calm.run().served * 2, "\(served) operations")
  }

  @Test(
    "Values that occupy a link for longer than the timeouts do not depose the leader",
    arguments: ProtocolKind.failingOver, [3, 5])
  func largeValues(kind: ProtocolKind, replicas: Int) {
    for clients in [1, 4] {
      var slow = BoundedTrial(kind)
      slow.replicas = replicas
      // A value of 1 MiB takes 84 ms for each other replica.
      slow.environment.network.nic = 100_000_000
      slow.workload.clients = clients
      slow.workload.mix = OperationMix(put: 1)
      slow.workload.valueSize = 1_048_576
      slow.workload.thinkTime = .zero
      slow.workload.timeout = .seconds(5)
      let costs = slow.run()
      #expect(costs.leaderChanges == 0, "\(clients) clients: \(costs)")
      #expect(costs.served >= 4, "\(clients) clients: \(costs)")
    }
  }

  @Test(
    "Without loss and faults no message is sent twice, over short or long links",
    arguments: ProtocolKind.allCases,
    [100, 20_000] as [Int64])
  func messages(kind: ProtocolKind, latency: Int64) {
    for clients in [1, 8] {
      for mix in [OperationMix(put: 1), OperationMix(get: 1)] {
        var busy = BoundedTrial(kind)
        busy.environment.network.latency = .constant(.microseconds(latency))
        busy.workload.clients = clients
        busy.workload.mix = mix
        var idle = busy
        idle.workload.thinkTime = .seconds(60)
        let costs = busy.run()
        let messages = costs.messagesSent - idle.run().messagesSent
        let others = kind.membership(replicas: 3).replicas.count - 1
        // Each other replica gets an entry, answers it and learns that it is committed; the client
        // gets an answer. Unfinished operations cost as much.
        let bound = 3 * others + 1
        #expect(
          messages <= (costs.served + clients) * bound,
          "\(clients) clients, \(mix): \(messages) messages for \(costs.served) operations")
        #expect(costs.served >= 20 * clients, "\(clients) clients, \(mix): \(costs)")
        #expect(costs.sentAgain == 0, "\(clients) clients, \(mix): \(costs)")
      }
    }
  }
}
