-- Makes the sample table `employees`, its audit trail and a function, from nothing.
-- Running it again starts afresh.

drop table if exists salary_audit;
drop table if exists employees;

create table employees (
    id         integer generated always as identity primary key,
    name       text not null,
    department text not null,
    salary     numeric(10, 2) not null check (salary > 0),
    hired_on   date not null
);

create table salary_audit (
    id         bigint generated always as identity primary key,
    department text not null,
    percent    numeric(5, 2) not null,
    employees  integer not null,
    raised_at  timestamptz not null default now()
);

/* The body holds semicolons and quotes; it is one statement all the same. */
create or replace function annual_salary(employee_id integer) returns numeric
language plpgsql stable as $body$
declare
    monthly numeric;
begin
    select salary into monthly from employees where id = employee_id; -- null for an unknown employee

    if monthly is null then
        raise exception 'There is no employee %.', employee_id;
    end if;

    return monthly * 12;
end;
$body$;

insert into employees (name, department, salary, hired_on) values
    ('Ada Lovelace', 'Engineering', 9200.00, '2019-03-01'),
    ('Grace Hopper', 'Engineering', 9800.00, '2018-07-15'),
    ('Edgar Codd', 'Engineering', 8700.00, '2020-01-06'),
    ('Barbara Liskov', 'Engineering', 9500.00, '2017-11-20'),
    ('Florence Nightingale', 'Statistics', 7100.00, '2021-05-12'),
    ('John Tukey', 'Statistics', 7400.00, '2020-09-01'),
    ('Gertrude Cox', 'Statistics', 7250.00, '2022-02-14'),
    ('Luca Pacioli', 'Accounting', 6300.00, '2016-04-04'),
    ('Mary Addison Hamilton', 'Accounting', 6450.00, '2021-10-18'),
    ('Flann O''Brien', 'Writing', 5600.00, '2023-01-09'),
    ('Ursula Le Guin', 'Writing', 6100.00, '2019-08-26'),
    ('Jorge Luis Borges', 'Writing', 5900.00, '2018-12-03');

create index employees_department on employees (department);

analyze employees;
