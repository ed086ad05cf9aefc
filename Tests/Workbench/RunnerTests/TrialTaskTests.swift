import Configuration
import Experiments
import Replication
import Runner
import Testing

@Suite struct TrialTaskTests {
  @Test("Trials are ordered by point, contender and number; targets come after the protocols")
  func order() throws {
    let plan = try ExperimentPlan.read(
      text: """
        { runtime: "cluster", protocols: ["raft"], target: { redis: "127.0.0.1:6379" }, trials: 2,
          seed: 7, sweep: { "workload.clients": [1, 8] } }
        """, file: "x.json5")
    let tasks = TrialTask.all(of: plan)
    #expect(
      tasks.map { "\($0.point) \($0.contender.name) \($0.trial) \($0.seed)" } == [
        "0 raft 1 7", "0 raft 2 8", "0 redis 1 7", "0 redis 2 8",
        "1 raft 1 7", "1 raft 2 8", "1 redis 1 7", "1 redis 2 8",
      ])
    #expect(tasks[2].contender == .target(plan.experiment.targets[0]))
    #expect(tasks[5].experiment == plan.points[1].experiment)
  }
}
