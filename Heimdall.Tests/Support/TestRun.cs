using NUnit.Framework;

// Most of a fixture's time is waiting for processes; each has databases of its own. As many as ProcessBudget has places.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(6)]
