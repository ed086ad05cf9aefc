import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import ViewService

@Suite struct WithAuthorityTests {
  @Test("Replicas that start together get a first view of them all")
  func start() {
    let cluster = StubCluster(replicas: 3)
    for id in [a, b, c] {
      #expect(
        cluster.view(at: id)
          == View(number: 1, members: [a, b, c]))
    }
  }

  @Test(
    "A replica never takes over the same view twice, so a restart leads to a new view",
    arguments: [nil, ViewServiceBug.adoptAgain])
  func restart(bug: ViewServiceBug?) {
    var cluster = StubCluster(replicas: 3, bug: bug)
    cluster.tick([.tick])
    cluster.crash(a)
    cluster.restart(a)
    cluster.run()
    if bug == nil {
      #expect(cluster.view(at: b).number == 2)
      #expect(cluster.view(at: a).members == [b, c, a])
    } else {
      #expect(cluster.view(at: a).number == 1)
      #expect(cluster.nodes[0].core.status.isInCharge)
    }
  }

  @Test("A view that names an earlier incarnation is not taken over")
  func ownIncarnation() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.crash(b)
    // The view that removes 0 is on its way to 1, which the authority takes for alive.
    let view = View(number: 2, members: [b, c])
    cluster.restart(b)
    cluster.inFlight = []
    cluster.handle(.received(.authority(.view(view)), from: cluster.authority), at: b)
    cluster.run()
    #expect(cluster.view(at: b).number == 0)
    var named = view
    named.incarnations = [2, 1]
    cluster.handle(.received(.authority(.view(named)), from: cluster.authority), at: b)
    cluster.run()
    #expect(cluster.view(at: b) == named)
  }

  @Test("The largest incarnation that a message claims of any replica can be read from it")
  func claimedGeneration() {
    typealias Core = WithAuthority<StubReplica, SoloConsensus>
    let view = View(number: 2, members: [b, c], joiner: a, incarnations: [1, 7, 3])
    let report = Report(view: 1)
    let claims: [AuthorityMessage] = [
      .view(view), .adopting(view),
      .pong(Pong(view: view, lease: .zero, sequence: 1, incarnation: 2)),
      .ping(Ping(report: report, sequence: 1, incarnation: 7)), .alive(incarnation: 7),
    ]
    #expect(claims.map { Core.largestGeneration(in: .authority($0)) } == [7, 7, 7, 7, 7])
    #expect(Core.largestGeneration(in: .authority(.redirect(nil))) == 0)
    #expect(Core.largestGeneration(in: .authority(.consensus([]))) == 0)
    // Views are also in the entries of the authority.
    let first = RequestID(client: ClientID(1), sequence: 1)
    typealias Command = ViewServiceStateMachine.Command
    let commands: [(Command, UInt64)] = [
      (.propose(view), 7), (.changeJoiner(view), 7), (.markEstablished(9), 0),
    ]
    for (command, generation) in commands {
      let append = SoloConsensus.Message.append(
        Batch([(id: first, command: Command.markEstablished(1)), (id: first, command: command)]))
      #expect(
        Core.largestGeneration(in: .authority(.consensus(append.encoded()))) == generation)
    }
  }

  @Test("A view that would use up the numbers of views or of joiners is not taken over")
  func viewsOutOfReach() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    let members = (0..<3).map { ReplicaID($0) }
    func tell(_ view: View, to id: Int) {
      cluster.handle(.received(.authority(.view(view)), from: ReplicaID(3)), at: ReplicaID(id))
      cluster.run()
    }
    tell(View(number: longestEpochJump + 2, members: members), to: 1)
    tell(View(number: 1, members: members, joining: longestEpochJump + 1), to: 1)
    tell(View(number: 2, members: members, joining: longestEpochJump + 1), to: 1)
    #expect(cluster.view(at: 1) == View(number: 1, members: members))
    tell(View(number: 1, members: members, joining: longestEpochJump), to: 1)
    #expect(cluster.view(at: 1).joining == longestEpochJump)
    tell(View(number: longestEpochJump + 1, members: members), to: 1)
    #expect(cluster.view(at: 1).number == longestEpochJump + 1)
  }

  @Test("A view is taken over only when its number is durable")
  func durableNumber() {
    var options = StubCluster(replicas: 1).options
    options.bug = nil
    var cluster = StubCluster(
      membership: Membership(replicas: 1, authority: 1), options: options)
    // The first ping has left already; the view in the answer must wait for the disk.
    cluster.nodes[0].holdsDisk = true
    cluster.run()
    #expect(cluster.view(at: a).number == 0)
    #expect(cluster.nodes[1].core.view.number == 1)
    cluster.releaseDisk(a)
    cluster.run()
    #expect(cluster.view(at: a).number == 1)
  }

  @Test("After a restart of all replicas one that holds the data is first again")
  func totalRestart() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    for id in [a, b, c] { cluster.crash(id) }
    for _ in 0..<10 { cluster.tick([.tick]) }
    #expect(cluster.nodes[3].core.view.number == 1)
    for id in [a, b, c] { cluster.restart(id) }
    for _ in 0..<10 { cluster.tick([.tick]) }
    let view = cluster.nodes[3].core.view
    #expect(view.number > 1)
    #expect(view.members.count == 3)
    for id in [a, b, c] { #expect(cluster.view(at: id) == view) }
  }

  @Test("A replica that comes back is joined as the last member once it has caught up")
  func rejoin() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.crash(a)
    for _ in 0..<8 { cluster.tick([.tick]) }
    #expect(cluster.view(at: b).members == [b, c])
    cluster.restart(a)
    cluster.run()
    #expect(cluster.view(at: b).joiner == a)
    cluster.handle(.received(.word(3), from: b), at: b)
    cluster.run()
    cluster.tick([.tick])
    #expect(cluster.view(at: a).members == [b, c, a])
    #expect(cluster.view(at: a).joiner == nil)
  }

  @Test("Without an authority the view stays and leases run out")
  func authorityOutage() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.crash(d)
    for _ in 0..<20 { cluster.tick([.tick]) }
    #expect(cluster.view(at: a).number == 1)
    #expect(cluster.nodes[0].core.status.isInCharge)
    #expect(!cluster.nodes[0].core.holdsLease(at: cluster.now))
  }

  @Test("A new authority leader starts to count silence when it begins to lead")
  func freshLeader() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.tell(.lead(false))
    for _ in 0..<20 { cluster.tick([.tick], except: [a]) }
    cluster.tell(.lead(true))
    for _ in 0..<5 { cluster.tick([.tick], except: [a]) }
    #expect(cluster.view(at: b).number == 1)
    cluster.tick([.tick], except: [a])
    #expect(cluster.nodes[3].core.view.number > 1)
  }

  @Test("An authority node refuses clients and reports its role")
  func authorityNode() {
    var cluster = StubCluster(replicas: 3)
    let batch = Batch([(id: RequestID(client: ClientID(1), sequence: 1), command: UInt64(5))])
    cluster.handle(.requested(batch), at: d)
    cluster.handle(.readRequested(ReadTicket(1)), at: d)
    #expect(cluster.nodes[3].refusedBatches.first?.redirect == a)
    #expect(cluster.nodes[3].refusedReads.first?.redirect == a)
    let status = cluster.nodes[3].core.status
    #expect(status.role == "authority leader")
    #expect(!status.isInCharge && !status.isTail && status.isCoordinator)
    #expect(cluster.nodes[3].commits.isEmpty)
    #expect(!cluster.nodes[0].core.status.isCoordinator)
  }

  @Test("Messages of the authority count only from it, and messages to self only from self")
  func forged() {
    var cluster = StubCluster(replicas: 3)
    let forged = View(number: 9, members: [c])
    for message in [
      StubReplica.Message.authority(.view(forged)), .authority(.adopting(forged)),
    ] {
      cluster.handle(.received(message, from: b), at: a)
      cluster.handle(.received(message, from: b), at: d)
    }
    cluster.run()
    #expect(cluster.view(at: a).number == 1)
  }

  @Test("Bytes that are no message of the authority's protocol are ignored")
  func strangeConsensus() {
    var cluster = StubCluster(replicas: 3)
    let state = cluster.nodes[3].core.durableState
    for bytes in [[], [9], [0, 1], [3, 1, 1]] as [[UInt8]] {
      cluster.handle(.received(.authority(.consensus(bytes)), from: d), at: d)
    }
    cluster.run()
    #expect(cluster.nodes[3].core.durableState == state)
    #expect(cluster.nodes[3].core.status.isCoordinator)
    cluster.tick([.tick])
    #expect(cluster.view(at: a).number == 1)
  }

  @Test("Timers have distinct indices that lead back to them")
  func timers() {
    typealias Timer = WithAuthority<StubReplica, SoloConsensus>.Timer
    #expect(Timer.count == 4)
    for index in 0..<Timer.count { #expect(Timer(index: index).index == index) }
    #expect(Timer(index: 3) == .tick)
  }

  @Test("Without an option, the ping interval is at most a quarter of the failure timeout")
  func options() {
    typealias Options = WithAuthority<StubReplica, SoloConsensus>.Options
    let values = OptionValues(
      Options.declared,
      overrides: [
        "failureTimeout": .interval(.milliseconds(100)),
        "unsafeBug": .choice("lease-from-receipt"),
      ])
    let options = Options(values)
    #expect(options.ping == .milliseconds(25))
    #expect(options.bug == .leaseFromReceipt)
    #expect(Options().bug == nil)
  }

  @Test("Messages and records survive the wire")
  func wire() throws {
    typealias Core = WithAuthority<StubReplica, SoloConsensus>
    let view = View(
      number: 3, members: [c, a], joiner: b, joining: 5,
      incarnations: [7, 1, 9])
    let report = Report(
      view: 3, isEstablished: true, joining: 2, joinerHasCaughtUp: false, joinerProgress: 9,
      unreachable: [b])
    let messages: [Core.Message] = [
      .word(5), .authority(.view(view)), .authority(.adopting(view)), .authority(.redirect(e)),
      .authority(.redirect(nil)),
      .authority(
        .ping(
          Ping(
            report: report, sequence: 8, incarnation: 1, answered: 7,
            answerTime: .milliseconds(3)))),
      .authority(
        .pong(Pong(view: view, lease: .milliseconds(200), sequence: 8, incarnation: 1))),
      .authority(.alive(incarnation: 3)), .authority(.consensus([7, 8])),
    ]
    for message in messages {
      let bytes = message.encoded()
      #expect(bytes.count == message.encodedByteCount)
      #expect((bytes[0] == StubReplica.Message.dataTag) == (message.authority == nil))
      #expect(try WireReader.decode(Core.Message.self, from: bytes) == message)
    }
    let records: [Core.Record] = [
      .replica(5), .consensus(6), .incarnation(7), .adopting(8),
    ]
    for record in records {
      let bytes = record.encoded()
      #expect(bytes.count == record.encodedByteCount)
      #expect(try WireReader.decode(Core.Record.self, from: bytes) == record)
    }
  }
}
