-- Raises the salaries of one department and notes it in the audit trail: both or neither.
-- Needs create_employees.sql.

update employees
set salary = round(salary * 1.05, 2)
where department = 'Engineering';

insert into salary_audit (department, percent, employees)
select 'Engineering', 5, count(*)
from employees
where department = 'Engineering';
