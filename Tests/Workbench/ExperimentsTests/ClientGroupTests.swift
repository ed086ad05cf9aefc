import Configuration
import Experiments
import Testing
import Workloads

@Test("Clients ask the replica that answered last, or as the workload or their group says")
func askedReplicas() throws {
  let plain = try experiment("{}").workload
  #expect(plain.ask == .inCharge && plain.groups.isEmpty && plain.asksInCharge)
  let groups = try experiment(
    "{ workload: { ask: 'spread', groups: [{ ask: 2, keys: [0, 9] }, {}] } }"
  ).workload
  #expect(groups.ask == .spread && !groups.asksInCharge)
  #expect(groups.groups == [ClientGroup(ask: .replica(2), keys: 0...9), ClientGroup()])
  #expect(
    try experiment("{ network: { preset: 'wan-aws-5' }, workload: { ask: 'nearest' } }")
      .workload.ask == .nearest)
}

@Test(
  "Mistakes in ask and groups are refused with the reason and the nearest word",
  arguments: [
    (
      "ask: 'spred'",
      #"workload.ask: found "spred", allowed "in-charge", "nearest", "spread", or the number of a replica; did you mean "spread"?"#
    ),
    ("ask: 15", "workload.ask: found 15, allowed \"in-charge\""),
    ("ask: 3", "workload.ask: found 3, allowed the number of a replica, 0...2"),
    (
      "ask: 'nearest'",
      "workload.ask: found \"nearest\", allowed \"nearest\" only with network.places"
    ),
    ("groups: { ask: 0 }", "workload.groups: found { \"ask\": 0 }, allowed a list of groups"),
    ("groups: [{ aks: 0 }]", "did you mean \"ask\"?"),
    ("groups: [{}, { ask: 7 }]", "workload.groups[1].ask: found 7, allowed the number of"),
    ("groups: [{ keys: [5, 4] }]", "workload.groups[0].keys: found [5, 4], allowed the first and"),
    ("groups: [{ keys: [0, 1000] }]", "workload.groups[0].keys[1]: found 1000, allowed"),
    ("clients: 1, groups: [{}, {}]", "workload.groups: found 2 groups, allowed at most as many"),
    (
      "arrival: { open: '9/s' }, groups: [{ keys: [0, 4] }]",
      "workload.groups[0].keys: found [0, 4], allowed no keys of a group beside an open loop"
    ),
    (
      "mix: { insert: 1 }, groups: [{ keys: [0, 4] }]", "no keys of a group beside inserts"
    ),
    (
      "distribution: 'latest', groups: [{ keys: [0, 4] }]", "beside the distribution \"latest\""
    ),
  ])
func groupRefusals(text: String, message: String) {
  #expect(refusal("{ workload: { \(text) } }").contains(message))
}
