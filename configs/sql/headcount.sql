-- One query, for a job with return_result: true. Needs create_employees.sql.
select department, count(*) as employees, round(avg(salary), 2) as average_salary
from employees
group by department
order by department;
